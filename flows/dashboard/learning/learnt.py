"""What was learnt from the first events of a campaign, and when that is out of date."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from overnight.bo_core import BayesianProposer
from overnight.bo_core.settings.surrogates import ExactSurrogate
from overnight.campaign import History
from overnight.campaign.insight import Insight
from overnight.campaign.recommendation import Recommendation
from overnight.flows.proposing.messages import LedgerPlace
from overnight.flows.rules.recommending import proposer_of

# With fewer results there is little to learn.
_FEWEST = 5
# The new results after which the model is asked again: this many, or this share of the known ones.
_NEW, _SHARE = 5, 0.1


class Asked(BaseModel):
    """Asks what the model has learnt from the first events of a ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    place: LedgerPlace
    events: int


class Learnt(BaseModel):
    """The recommendation and the insight after so many results, of which trial `last` is the newest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    results: int
    last: int
    revision: int
    recommendation: Recommendation | None = None
    insight: Insight | None = None

    @property
    def next(self) -> int:
        """Return the results after which it is computed again."""
        return self.results + max(_NEW, round(_SHARE * self.results))

    def holds_for(self, history: History) -> bool:
        """Return whether it is about the present definition."""
        return self.revision == revision_of(history)


def is_due(history: History, known: Learnt | None) -> bool:
    """Return whether the model of a campaign without a recorded recommendation should be asked now.

    An A/B test has no such model, because its batches drift.
    """
    if history.defined is None or history.recommendation is not None or history.definition.is_ab_test:
        return False
    results = history.trials.observed
    return results >= _FEWEST and (known is None or not known.holds_for(history) or results >= known.next)


def model_to_ask(history: History) -> BayesianProposer | None:
    """Return the recorded proposer if its model is a built-in one; None otherwise, or if this version does not know it.

    Looking at a page must not run a campaign's code.
    """
    try:
        proposer = proposer_of(history, Path())
    except ValidationError:
        return None
    if isinstance(proposer, BayesianProposer) and isinstance(proposer.surrogate, ExactSurrogate):
        return proposer
    return None


def revision_of(history: History) -> int:
    """Return the number of the newest revision; 0 without one."""
    return 0 if history.revised is None else history.revised.revision
