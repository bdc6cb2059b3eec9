import pytest
from told_arms import ToldArms, measured

from overnight.campaign.experiment.contrast import better
from overnight.campaign.experiment.difference import difference
from overnight.campaign.experiment.effects import newest_effect
from overnight.campaign.experiment.own_batch import gain_of
from overnight.campaign.experiment.status_quo import compared_with, is_status_quo, status_quo_of, status_quos


def _two_batches(**more: str | None) -> ToldArms:
    told = ToldArms(**more)
    first, arm = told.batch((0, 0.5), (7, 0.5))
    told.observe({first: {"clicks": measured(10.1, 0.3)}, arm: {"clicks": measured(12.4, 0.7)}})
    told.batch((0, 0.5), (8, 0.5))
    return told


def test_the_status_quo_of_a_batch_is_its_first_arm() -> None:
    trials = _two_batches().history.trials

    assert [is_status_quo(trials[trial]) for trial in (1, 2, 3, 4)] == [True, False, True, False]
    assert [status_quo_of(trials, trials[trial]) for trial in (1, 2, 3, 4)] == [trials[i] for i in (1, 1, 3, 3)]
    assert [compared_with(trials, trials[trial]) for trial in (1, 2, 3, 4)] == [None, trials[1], None, trials[3]]
    assert status_quos(trials.values()) == {1: trials[1]}


def test_among_trials_without_its_status_quo_an_arm_is_compared_with_nothing() -> None:
    trials = _two_batches().history.trials
    assert compared_with({1: trials[1]}, trials[4]) is None


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_effects_gains_and_answers_are_about_the_same_difference(direction: str) -> None:
    history = _two_batches(**{"maximize": None, direction: "clicks"}).history
    goal, arm = history.definition.goal, history.trials[2]
    found = difference(arm.measured["clicks"], history.trials[1].measured["clicks"])

    effect = newest_effect(history, arm, "clicks")
    gain = gain_of(goal.objectives[0], arm, history.trials)
    answer = better(goal).answers(history, arm)[None]

    assert (effect.value, effect.sem) == (found.value, found.sem)
    assert gain is not None
    sign = 1 if direction == "maximize" else -1
    assert gain.value == answer.value == sign * found.value
    assert gain.variance == answer.variance == found.variance
    assert found.sem == pytest.approx(0.58**0.5)


def test_a_difference_may_be_to_a_factor_of_the_status_quo_and_an_offset() -> None:
    found = difference(measured(5, 0.3), measured(2, 0.2), factor=2.0, offset=0.5)
    assert (found.value, found.sem) == (0.5, pytest.approx(0.5))
    assert difference(measured(5, None), measured(2, 0.2)).sem is None
    assert difference(measured(5, 0.3), None, offset=1.0).value == 4
