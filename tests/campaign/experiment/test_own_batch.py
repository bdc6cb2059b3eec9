import math

import pytest
from told_experiments import STATUS_QUO, Told, experiment

from overnight.campaign import Point, Proposal, Trial
from overnight.campaign.experiment.difference import Difference, pooled_difference
from overnight.campaign.experiment.own_batch import Goals, gain_of
from overnight.campaign.experiment.status_quo import status_quos

ARM: Point = {"x0": 0.5, "x1": 0.5}
LIMITED = experiment(constraints=["errors <= 1.1 * baseline"], minimize="rate", maximize=None)


def drifting() -> tuple[Told, list[Trial]]:
    """Return two batches of the status quo and one arm; the second one drifted by 100."""
    told = Told(LIMITED)
    for shift, sem, gap in ((0.0, 3.0, -1.0), (100.0, 4.0, -3.0)):
        quo, arm = told.start(
            [Proposal(point=STATUS_QUO, generator="baseline"), Proposal(point=ARM, generator="sobol")]
        )
        told.observe(quo, 5.0 + shift, sem, errors=10.0 + shift)
        told.observe(arm, 5.0 + shift + gap, sem, errors=10.5 + shift)
    return told, [*told.history.trials.values()]


def test_an_arm_is_better_by_its_difference_to_the_status_quo_of_its_own_batch() -> None:
    told, trials = drifting()
    quos, rate = status_quos(trials), told.campaign.objective
    found = [gain_of(rate, trials[i], quos) for i in (1, 3)]
    assert [(each.value, each.variance) for each in found if each is not None] == [(1.0, 18.0), (3.0, 32.0)]


def _known(value: float, variance: float | None) -> Difference:
    return Difference(value, variance, None if variance is None else math.sqrt(variance))


def test_differences_are_pooled_by_their_inverse_variances() -> None:
    assert pooled_difference([_known(1.0, 1.0), _known(3.0, 3.0)]) == pytest.approx(1.5)


@pytest.mark.parametrize("variance", [None, 0.0, float("inf")])
def test_differences_of_unknown_exactness_count_the_same(variance: float | None) -> None:
    assert pooled_difference([_known(1.0, 1.0), _known(4.0, variance)]) == 2.5


def test_nothing_is_pooled_of_nothing() -> None:
    assert pooled_difference([]) is None


def test_limits_are_relative_to_the_status_quo_of_the_own_batch() -> None:
    told, trials = drifting()
    goal = told.campaign.goal
    goals = Goals(goal, status_quos(trials))
    assert goals.feasible(trials[1])
    # 10.5 errors are within the limit of 11, but without a status quo no limit is known.
    assert not Goals(goal, {}).feasible(trials[1])
    # 110.5 errors are within 1.1 times 110 of the own batch, and not within 1.1 times the 60 of both.
    assert goals.feasible(trials[3])
    assert not told.history.goal.feasible(trials[3].measured)


def _batch(told: Told, shift: float, **gaps: tuple[float, float, float]) -> list[int]:
    """Observe a batch; each arm has the gap in its rate, the standard error, and the gap in `errors`."""
    points: dict[str, Point] = {"one": {"x0": 0.1, "x1": 0.1}, "two": {"x0": 0.3, "x1": 0.3}}
    arms = [Proposal(point=points[name], generator="sobol") for name in gaps]
    quo, *others = told.start([Proposal(point=STATUS_QUO, generator="baseline"), *arms])
    told.observe(quo, 5.0 + shift, 1.0, errors=10.0 + shift)
    for trial, (gap, sem, errors) in zip(others, gaps.values(), strict=True):
        told.observe(trial, 5.0 + shift + gap, sem, errors=10.0 + shift + errors)
    return others


def test_the_best_arm_has_the_best_difference_to_its_own_status_quos() -> None:
    told = Told(LIMITED)
    [one] = _batch(told, 0.0, one=(-1.0, 1.0, 0.5))
    # The raw mean of the first arm is better, and the pooled status quo of 60 errors would exclude the second one.
    [two] = _batch(told, 100.0, two=(-3.0, 1.0, 0.5))
    goals, trials = told.history.goals, [*told.history.trials.values()]

    assert [trial.id for trial in goals.best_first(trials)] == [two, one]
    assert goals.best(trials) == told.history.trials[two]
    assert goals.newest.baseline == told.history.trials[two - 1].measured
    # The status quo is an arm, too, and worse than both.
    assert [trial.id for trial in goals.best_arms(trials)] == [two, one, 1]


def test_a_lucky_batch_makes_no_best_arm_that_is_worse_in_all_its_batches_together() -> None:
    told = Told(LIMITED)
    one, two = _batch(told, 0.0, one=(-4.0, 3.0, 0.0), two=(-2.0, 1.0, 0.0))
    _batch(told, 0.0, one=(0.0, 1.0, 0.0))
    goals, trials = told.history.goals, [*told.history.trials.values()]

    # The differences of the first arm, 4 with a variance of 10 and 0 with a variance of 2, have a mean of 2/3.
    assert [trial.id for trial in goals.best_first(trials)] == [two, one]


@pytest.mark.parametrize(("errors", "counts"), [((9.0, 9.0, 0.0), False), ((9.0, 0.0, 0.0), True)])
def test_an_arm_counts_if_most_of_its_results_are_feasible(errors: tuple[float, ...], counts: bool) -> None:
    told = Told(LIMITED)
    first, *_ = [_batch(told, 0.0, one=(-1.0, 1.0, each)) for each in errors]
    goals, trials = told.history.goals, [*told.history.trials.values()]

    assert [trial.id for trial in goals.best_first(trials)] == (first if counts else [])


def test_trials_of_other_campaigns_are_judged_as_before() -> None:
    told = Told(experiment(kind="tuning", arms=None, traffic=None, constraints=["errors <= 1.1 * baseline"]))
    first, second = told.start(
        [Proposal(point=STATUS_QUO, generator="baseline"), Proposal(point=ARM, generator="sobol")]
    )
    told.observe(first, 1.0, errors=10.0)
    told.observe(second, 2.0, errors=11.0)
    goals, goal, trials = told.history.goals, told.history.goal, [*told.history.trials.values()]
    assert [goals.of(trial) for trial in trials] == [goal, goal]
    assert (goals.newest, goals.common, goals.best_first(trials)) == (goal, goal, goal.best_first(trials))


def test_an_arm_whose_status_quo_has_no_result_has_no_difference() -> None:
    told = Told(LIMITED)
    quo, arm = told.start([Proposal(point=STATUS_QUO, generator="baseline"), Proposal(point=ARM, generator="sobol")])
    told.fail(quo)
    told.observe(arm, 1.0)
    trials = [*told.history.trials.values()]
    assert gain_of(told.campaign.objective, trials[1], status_quos(trials)) is None


def test_a_difference_may_be_too_inexact_for_a_finite_variance() -> None:
    told = Told(LIMITED)
    quo, arm = told.start([Proposal(point=STATUS_QUO, generator="baseline"), Proposal(point=ARM, generator="sobol")])
    told.observe(quo, 5.0, 1.0, errors=10.0)
    told.observe(arm, 4.0, 1e200, errors=10.0)
    trials = [*told.history.trials.values()]

    found = gain_of(told.campaign.objective, trials[1], status_quos(trials))

    assert found == Difference(1.0, float("inf"), 1e200)
