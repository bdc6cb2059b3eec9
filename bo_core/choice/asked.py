"""A request for points, and the trials that the model may know when it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.bo_core.data.situation import Situation
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.data.taken import Taken
from overnight.bo_core.model import last_made_by_model
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.situated import situated, viewed
from overnight.bo_core.suspects import Suspect, suspects_among, without
from overnight.bo_core.weights.expected_cost import share_of_cost
from overnight.campaign import Campaign, History, ModelView, Point
from overnight.campaign.history.trial import Observation


@dataclass(frozen=True)
class Asked:
    """A request to the model for `q` points, in addition to those that the same proposal has `chosen` without it.

    If it is `confirming`, points with results may be measured again, unless results are exact. `recorded` are suspects
    that are known already; without them they are looked for. `breached` are the points of an A/B test whose results
    show that they break a guardrail or do harm; they are not measured again.
    """

    campaign: Campaign
    history: History
    proposer: BayesianProposer
    encoding: Encoding
    chosen: Sequence[Point]
    q: int
    confirming: bool = False
    recorded: tuple[int, ...] | None = None
    breached: Sequence[Point] = ()

    @cached_property
    def taken(self) -> Taken:
        """Return the points that may not be proposed."""
        chosen = {key_of(point) for point in self.chosen}
        if not self.confirming or self.situation.observed[self.campaign.objective.metric].exact:
            return Taken(self.history.trials, chosen)
        # A confirming trial may measure a point again, and has the fixed values, too.
        agrees = self.agrees or (lambda point: True)
        trials = self.history.trials.values()
        found = {key_of(t.point) for t in trials if not isinstance(t.outcome, Observation) or not agrees(t.point)}
        return Taken.without_trials(found | chosen)

    @property
    def agrees(self) -> Callable[[Point], bool] | None:
        """Return the question whether a point has the fixed and the given values; None if there are none."""
        return self.campaign.space.agrees if self.campaign.fix or self.campaign.given else None

    @cached_property
    def everything(self) -> ModelView:
        """Return the trials in the space, and others from which the model learns."""
        return viewed(self.campaign, self.history, self.encoding, self.proposer)

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """Return the trials whose results look like glitches."""
        if not self.proposer.doubts_in(self.campaign):
            return ()
        observed, last = self._whole.observed[self.campaign.objective.metric], last_made_by_model(self.history)
        return suspects_among(observed, len(self.everything.observed), self.proposer, last)

    @cached_property
    def doubted(self) -> tuple[int, ...]:
        """Return the ids of the suspects, whose results the model does not know."""
        return tuple(suspect.trial for suspect in self.suspects) if self.recorded is None else self.recorded

    @cached_property
    def view(self) -> ModelView:
        """Return the trials that the model may know."""
        return without(self.everything, self.doubted)

    @cached_property
    def situation(self) -> Situation:
        """Return the trials that the model may know, as tensors."""
        return situated(self.campaign, self.view, self.encoding, self.proposer) if self.doubted else self._whole

    @cached_property
    def _whole(self) -> Situation:
        return situated(self.campaign, self.everything, self.encoding, self.proposer)

    @property
    def seed(self) -> int:
        """Return the seed of all random numbers of the batch."""
        return seed_of(self.campaign, self.history.next_trial)

    @property
    def share_of_cost(self) -> float:
        """Return how much costs count, see `expected_cost`."""
        return share_of_cost(self.campaign, self.history, self.proposer)
