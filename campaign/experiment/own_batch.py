"""Compare the arms of an A/B test with the status quo of their own batch, because batches drift."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from overnight.campaign.contexts import Given
from overnight.campaign.contexts.context import in_it
from overnight.campaign.experiment.difference import Difference, difference, pooled_difference
from overnight.campaign.experiment.status_quo import is_status_quo, status_quo_of
from overnight.campaign.fidelity import Fidelity
from overnight.campaign.goal import Goal, Objective
from overnight.campaign.history.trial import Observation, Trial
from overnight.campaign.parameters import Value
from overnight.campaign.space import Space


@dataclass(frozen=True)
class Goals:
    """The goal by which each trial is judged.

    That is `pooled`, whose limits are relative to all measurements of the baseline. In an A/B test, limits are relative
    to the status quo of the trial's own batch. `status_quos` are those with a result, by batch; None otherwise. Without
    a status quo that has a result, nothing is known to meet such limits. With `contexts`, limits are relative to the
    baseline in the trial's own context, and trials of different contexts are not compared.

    Which results are compared is decided here alone, by `compared`: with a `fidelity` those at full fidelity, and with
    a `space` those of points inside it. Others are never the best, on a front, or anything that new results must beat.
    """

    pooled: Goal
    status_quos: Mapping[int, Trial] | None = None
    contexts: Sequence[tuple[Given, Goal]] = ()
    fidelity: Fidelity | None = None
    space: Space | None = None

    def compared(self, trials: Iterable[Trial]) -> list[Trial]:
        """Return the trials whose results are compared."""
        inside = self.inside(trials)
        return inside if self.fidelity is None else [t for t in inside if self.fidelity.is_full(t.point)]

    def inside(self, trials: Iterable[Trial]) -> list[Trial]:
        """Return the trials in the present space, which are all unless the campaign had another one."""
        return [trial for trial in trials if self.space is None or not self.space.problems(trial.point)]

    def best_so_far(self, trials: Sequence[Trial]) -> Iterator[tuple[Trial, Trial | None]]:
        """Yield each trial that is compared with the best one up to it; they share no status quo in an A/B test."""
        compared = self.compared(trials)
        return zip(compared, self.pooled.best_so_far(compared), strict=True)

    def of(self, trial: Trial) -> Goal:
        """Return the goal by which a trial is judged."""
        for given, goal in self.contexts:
            if in_it(trial.point, given):
                return goal
        if self.status_quos is None:
            return self.pooled
        status_quo = status_quo_of(self.status_quos, trial)
        return self.pooled.beside({} if status_quo is None else status_quo.measured)

    @property
    def common(self) -> Goal:
        """Return the goal with the limits that all trials share: in an A/B test, those relative to nothing."""
        return self.pooled if self.status_quos is None else self.pooled.beside({}).judged

    @property
    def newest(self) -> Goal:
        """Return the goal as it is now: in an A/B test, relative to the newest status quo that has a result."""
        if self.status_quos is None:
            return self.pooled
        batch = max(self.status_quos, default=None)
        return self.pooled.beside({} if batch is None else self.status_quos[batch].measured)

    def feasible(self, trial: Trial) -> bool:
        """Return whether a trial has every metric of the goal and meets every constraint."""
        return self.of(trial).feasible(trial.measured)

    def best(self, trials: Iterable[Trial]) -> Trial | None:
        """Return the best feasible trial, the first of `best_first`; None if there is none, or with contexts."""
        if self.contexts:
            return None
        trials = self.compared(trials)
        return self.pooled.best(trials) if self.status_quos is None else next(iter(self.best_first(trials)), None)

    def best_first(self, trials: Iterable[Trial]) -> list[Trial]:
        """Return the feasible trials, best first objective first; of equal trials the earlier one comes first.

        In an A/B test these are the `best_arms` other than the status quo. With contexts, the best ones of each context
        alternate: first the best of each, in the order of the file.
        """
        if self.contexts:
            ranked = [goal.best_first(of_context) for goal, of_context in self._by_context(self.compared(trials))]
            return [trial for each in zip_longest(*ranked) for trial in each if trial is not None]
        if self.status_quos is None:
            return self.pooled.best_first(self.compared(trials))
        return [trial for trial in self.best_arms(trials) if not is_status_quo(trial)]

    def front(self, trials: Iterable[Trial]) -> list[Trial]:
        """Return the feasible trials that no other one dominates; with contexts, no other one of their context."""
        compared = self.compared(trials)
        if not self.contexts:
            return self.pooled.front(compared)
        return [trial for goal, of_context in self._by_context(compared) for trial in goal.front(of_context)]

    def _by_context(self, trials: Iterable[Trial]) -> list[tuple[Goal, list[Trial]]]:
        every = [*trials]
        return [(goal, [trial for trial in every if in_it(trial.point, given)]) for given, goal in self.contexts]

    def best_arms(self, trials: Iterable[Trial]) -> list[Trial]:
        """Return the first trial of each arm of an A/B test, the status quo among them, the best arm first.

        The best arm has the best difference to the status quo of the same batch, pooled over all batches of the arm. An
        arm counts if most of its results meet the constraints, relative to their own status quo.
        """
        status_quos, results = self.status_quos or {}, dict[frozenset[tuple[str, Value]], list[Trial]]()
        for trial in self.compared(trials):
            if isinstance(trial.outcome, Observation):
                results.setdefault(frozenset(trial.point.items()), []).append(trial)
        found: list[tuple[float, Trial]] = []
        for each in results.values():
            gains = (gain_of(self.pooled.objectives[0], trial, status_quos) for trial in each)
            pooled = pooled_difference(gain for gain in gains if gain is not None)
            if pooled is not None and 2 * sum(map(self.feasible, each)) > len(each):
                found.append((pooled, each[0]))
        return [trial for _, trial in sorted(found, key=lambda one: -one[0])]


def gain_of(objective: Objective, trial: Trial, status_quos: Mapping[int, Trial]) -> Difference | None:
    """Return by how much a trial is better than its own status quo; None if one of the two has no result."""
    status_quo = status_quo_of(status_quos, trial)
    here = objective.found_in(trial.measured)
    there = None if status_quo is None else objective.found_in(status_quo.measured)
    if here is None or there is None:
        return None
    found = difference(here, there)
    return replace(found, value=objective.turned(found.value))
