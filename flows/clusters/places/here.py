"""Evaluations as processes of the controller's own machine."""

from collections.abc import Callable
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict


class Here(BaseModel):
    """On the controller's machine, which starts a supervisor for each evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: ClassVar[str] = "`here`"

    kind: Literal["here"] = "here"

    def __str__(self) -> str:
        return "this machine"

    async def reach(self, notify: Callable[[str], None]) -> None:
        """Return at once: this machine is always reachable."""

    def problems(self) -> list[str]:
        """Return no problems: nothing can be missing."""
        return []
