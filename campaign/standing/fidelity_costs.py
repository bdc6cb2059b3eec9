"""The expected costs of evaluations at several fidelities, and the part of the budget that is left for the search."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from overnight.campaign.definition import Campaign
from overnight.campaign.fidelity import Fidelity
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Observation, Trial
from overnight.campaign.space import Point
from overnight.campaign.standing.declared_costs import declared_cost, may_be_resumed
from overnight.campaign.standing.spending import spending

# Sums of costs are rounded.
_ROUNDING = 1e-9
# The reserve of confirming trials, in their expected costs: the search may cost a little more than expected.
_RESERVE = 1.1


@dataclass(frozen=True)
class FidelityCosts:
    """The expected costs of evaluations, given the points that have `ended`, from which one may continue.

    The declared cost of a fidelity is multiplied by its ratio: that of the recorded costs there to the declared ones,
    or the ratio at the closest fidelity with a recorded cost. Without a recorded cost above 0, it is 1.
    """

    fidelity: Fidelity
    ended: Sequence[Point]
    ratios: Mapping[float, float]

    @classmethod
    def of(cls, fidelity: Fidelity, history: History) -> "FidelityCosts":
        """Learn the ratios from the trials that have a result."""
        ended, recorded, declared = list[Point](), dict[float, float](), dict[float, float]()
        for trial in history.trials.values():
            if not isinstance(trial.outcome, Observation):
                continue
            if trial.outcome.cost is not None:
                level = fidelity.of(trial.point)
                recorded[level] = recorded.get(level, 0.0) + trial.outcome.cost
                declared[level] = declared.get(level, 0.0) + declared_cost(fidelity, trial, trial.outcome.attempt)
            if may_be_resumed(trial):
                ended.append(trial.point)
        return cls(fidelity, ended, {level: recorded[level] / declared[level] for level in recorded if declared[level]})

    def at(self, point: Point) -> float:
        """Return the expected cost of evaluating a point."""
        same = self._ended_of_each.get(self.fidelity.without(point), ())
        return self.fidelity.cost(point, same) * self._ratio(self.fidelity.of(point))

    def of_trial(self, trial: Trial) -> float:
        """Return the expected cost of a trial's next attempt, or of the one that runs.

        An attempt continues from the same evaluation as the first one, even if others have ended since.
        """
        if not trial.attempts:
            return self.at(trial.point)
        return declared_cost(self.fidelity, trial, trial.attempts[0].number) * self._ratio(
            self.fidelity.of(trial.point)
        )

    @cached_property
    def _ended_of_each(self) -> Mapping[Hashable, Sequence[Point]]:
        """Return the points that have ended, by the key that they share at all fidelities."""
        found = dict[Hashable, list[Point]]()
        for point in self.ended:
            found.setdefault(self.fidelity.without(point), []).append(point)
        return found

    @property
    def full(self) -> float:
        """Return the expected cost of an evaluation at full fidelity that continues from none."""
        return self.from_nothing(self.fidelity.parameter.high)

    @property
    def cheapest(self) -> float:
        """Return the expected cost of the cheapest evaluation."""
        return min(self.from_nothing(level) for level in self.fidelity.parameter.levels)

    def from_nothing(self, level: float) -> float:
        """Return the expected cost of an evaluation at a fidelity that continues from none."""
        return self.fidelity.parameter.cost(level) * self._ratio(level)

    def _ratio(self, level: float) -> float:
        missing = self.fidelity.parameter.missing
        # Recorded costs of 0 would make evaluations free, and a gain for its cost infinite.
        known = [known for known, ratio in self.ratios.items() if 0.0 < ratio < math.inf]
        closest = min(known, key=lambda each: abs(missing(each) - missing(level)), default=None)
        return 1.0 if closest is None else self.ratios[closest]


def left_for_search(campaign: Campaign, history: History, costs: FidelityCosts, confirming: int) -> float:
    """Return the cost that is left, less the costs of the trials under way and of so many `confirming` ones.

    Confirming trials are reserved a tenth more than they are expected to cost, so that they can start even if the
    search costs a little more than expected. Infinite without a budget of cost.
    """
    if campaign.budget.cost is None:
        return math.inf
    spent = spending(history.trials.values()).cost
    coming = sum(costs.of_trial(trial) for trial in history.trials.open if not trial.parked)
    return campaign.budget.cost - spent - coming - confirming * _RESERVE * costs.full + _ROUNDING


def pays_for_search(campaign: Campaign, history: History, confirming: int) -> bool:
    """Return whether the budget of cost pays for one more evaluation in addition to so many `confirming` trials."""
    if campaign.fidelity is None or campaign.budget.cost is None:
        return True
    costs = FidelityCosts.of(campaign.fidelity, history)
    return left_for_search(campaign, history, costs, confirming) >= costs.cheapest
