"""The base of every kind of place under `run_on`."""

from collections.abc import Callable
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from overnight.campaign.problems import Problem
from overnight.flows.clusters.resources import Needs


class PlaceKind(BaseModel):
    """A kind of place; the defaults are those of a place that is always there and takes every evaluation.

    A subclass adds a literal `kind`; `form`, which shows how the place is written; and the text for people as
    `__str__`. Except for `here`, it also adds `start_within`, which limits an attempt's wait for a worker, and
    `launcher(resources)`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: ClassVar[str]

    def misfits(self, needs: Needs) -> list[Problem]:
        """Return the contradictions between the place and the needs of an evaluation, with paths below `run_on`."""
        del needs
        return []

    def problems(self, needs: Needs) -> list[str]:
        """Return the parts that this machine lacks for the place, a sentence each."""
        del needs
        return []

    async def reach(self, notify: Callable[[str], None], needs: Needs) -> None:
        """Return once the place takes evaluations, and raise CannotStart if it does not; `notify` reports a wait."""
