"""The settings under `proposing:`: place, time limit and stand-in."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.bo_core import AnyProposer, BayesianProposer, SobolProposer
from overnight.bo_core.proposer import recorded_proposer, settings_of
from overnight.bo_core.settings.surrogates import ExactSurrogate
from overnight.campaign import History
from overnight.campaign.errors import OvernightError
from overnight.campaign.history.provenance import StandIn
from overnight.campaign.values.duration import Duration
from overnight.flows.host.named_server import missing_server


class ProposerUnavailable(OvernightError):
    """No proposal came: the proposer died, hung, or is unavailable."""


class Proposing(BaseModel):
    """The key `proposing:` of a campaign file, with defaults that suit most files.

    `pool` names a Prefect work pool whose workers compute proposals, for example one with a GPU; without it, a process
    on the controller's machine computes them. An answer that takes longer than `time_limit` is given up, and its
    process is killed. The `fallback` then fills the free slots, its points are marked, and the proposer is asked again.
    `ahead` decides whether points are proposed before a slot is free: `auto` does so if waiting would cost more than
    one more outstanding trial does (docs/how-to/proposing.md).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: Annotated[str, Field(pattern=r"^[^/%&><]+$")] | None = None
    time_limit: Duration = timedelta(minutes=5)
    fallback: StandIn | Literal["none"] = "sobol"
    ahead: Literal["auto", "always", "never"] = "auto"

    def problems(self) -> list[str]:
        """Return a sentence for each thing that these settings need and that is missing."""
        return [] if self.pool is None else missing_server("proposing.pool")


def unrecorded_settings(proposer: AnyProposer, history: History) -> dict[str, Any] | None:
    """Return the settings of a proposer that is not the one that a history records; None if it is.

    A loop of the user's own or a controller keeps the proposer with which it began. Another process that begins later,
    from a file with other settings, records these.
    """
    latest = history.revised or history.defined
    known = None if latest is None else latest.settings.get("proposer")
    own = settings_of(proposer)
    return None if known is None or recorded_proposer(known) == recorded_proposer(own) else own


def standing_in(proposer: AnyProposer, stand_in: StandIn | None) -> AnyProposer:
    """Return the proposer that replaces one that does not answer; the same one if `stand_in` is None.

    Thompson sampling needs a model, so it stands in only for the Bayesian proposer; it ignores costs.
    """
    if stand_in is None:
        return proposer
    if stand_in == "thompson" and isinstance(proposer, BayesianProposer):
        changes = {
            "acquisition": "thompson_sampling",
            "cost_aware": False,
            "device": "cpu",
            "surrogate": ExactSurrogate(),
        }
        return proposer.model_copy(update=changes)
    return SobolProposer()
