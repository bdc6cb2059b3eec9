import math

import numpy as np
import pytest
from told_arms import ToldArms, effects, measured

from overnight.campaign.experiment.effects import effect_at, newest_effect


def _told(arm: dict, status_quo: dict | None) -> ToldArms:
    told = ToldArms()
    first, other = told.batch((0, 0.5), (7, 0.5))
    told.observe({other: arm} | ({} if status_quo is None else {first: status_quo}))
    return told


def test_an_effect_is_the_difference_to_the_status_quo_of_the_same_batch() -> None:
    told = ToldArms()
    first, a, b = told.batch((0, 0.4), (7, 0.3), (8, 0.3))
    told.observe({first: {"clicks": measured(10, 3, 400)}, a: {"clicks": measured(12, 4, 300)}})
    told.observe({b: {"clicks": measured(9, 4, 300)}})
    second, c = told.batch((0, 0.5), (7, 0.5))
    told.observe({second: {"clicks": measured(20)}, c: {"clicks": measured(21)}})

    found = list(effects(told.history))

    assert [(each.trial, each.batch, each.value) for each in found] == [(a, first, 2), (b, first, -1), (c, second, 1)]
    assert found[0].sem == 5
    assert found[0].arm is not None
    assert found[0].status_quo is not None
    assert (found[0].arm.n, found[0].status_quo.n) == (300, 400)
    assert [each.unknown for each in found] == [None, None, None]


def test_the_error_of_a_relative_effect_is_that_of_simulated_ratios() -> None:
    told = _told({"clicks": measured(12, 0.05)}, {"clicks": measured(10, 0.04)})

    found = newest_effect(told.history, told.history.trials[2], "clicks")

    random = np.random.default_rng(0)
    ratios = random.normal(12, 0.05, 400_000) / random.normal(10, 0.04, 400_000) - 1
    assert found.relative == pytest.approx(float(ratios.mean()), abs=1e-4)
    assert found.relative_sem == pytest.approx(float(ratios.std()), rel=0.01)


def test_beside_a_negative_status_quo_there_is_no_relative_effect_which_would_have_the_wrong_sign() -> None:
    told = _told({"clicks": measured(-8, 0.3)}, {"clicks": measured(-10, 0.4)})

    found = newest_effect(told.history, told.history.trials[2], "clicks")

    assert (found.value, found.sem) == (2, 0.5)
    assert (found.relative, found.relative_sem) == (None, None)
    assert found.unknown == "the status quo is -10, so there is no relative difference"


def test_a_running_arm_is_compared_at_the_last_look_that_both_reported() -> None:
    told = ToldArms()
    first, arm = told.batch((0, 0.5), (7, 0.5))
    told.look(1, {first: {"clicks": measured(10)}, arm: {"clicks": measured(11)}})
    told.look(2, {first: {"clicks": measured(10)}, arm: {"clicks": measured(12)}})
    told.look(3, {arm: {"clicks": measured(13)}})
    trial = told.history.trials[arm]

    newest = newest_effect(told.history, trial, "clicks")
    assert (newest.step, newest.value) == (
        2,
        2,
    )
    assert effect_at(told.history, trial, "clicks", 1).value == 1
    assert effect_at(told.history, trial, "clicks", 3).unknown == "the status quo has no report at look 3 of `clicks`"


def test_a_stopped_arm_keeps_the_effect_of_its_last_look_when_the_status_quo_goes_on() -> None:
    told = ToldArms()
    first, arm, _ = told.batch((0, 0.4), (7, 0.3), (8, 0.3))
    looks = {first: {"clicks": measured(10, 0.01, 200)}, arm: {"clicks": measured(2, 0.01, 150)}}
    [stop] = told.look(1, looks)
    told.look(2, {first: {"clicks": measured(11, 0.01, 400)}})
    told.observe({first: {"clicks": measured(11, 0.01, 400)}})

    found = newest_effect(told.history, told.history.trials[arm], "clicks")

    assert stop.trial == arm
    assert (found.step, found.value) == (1, -8)


def test_what_cannot_be_stated_is_named() -> None:
    no_error = _told({"clicks": measured(12, None)}, {"clicks": measured(10)})
    zero = _told({"clicks": measured(3)}, {"clicks": measured(0)})
    exact = _told({"clicks": measured(12, 0)}, {"clicks": measured(10, 0)})
    missing = _told({"clicks": measured(12)}, None)

    [a], [b], [c], [d] = (list(effects(told.history)) for told in (no_error, zero, exact, missing))

    assert (a.value, a.sem, a.unknown) == (2, None, "a standard error is missing")
    assert (b.value, b.relative, b.sem) == (3, None, math.sqrt(2))
    assert b.unknown == "the status quo is 0, so there is no relative difference"
    assert (c.sem, c.relative_sem, c.unknown) == (0, 0, None)
    assert (d.value, d.unknown) == (None, "the status quo has no result of `clicks`")
    status_quo = missing.history.trials[1]
    assert newest_effect(missing.history, status_quo, "clicks").unknown == "its batch has no status quo"


def test_a_calculated_objective_has_its_parts_units() -> None:
    told = ToldArms(maximize="clicks - 2 * errors")
    first, arm = told.batch((0, 0.5), (7, 0.5))
    told.look(
        1,
        {
            first: {"clicks": measured(10, 1, 50), "errors": measured(1, 1, 50)},
            arm: {"clicks": measured(14, 1, 40), "errors": measured(2, 1, 40)},
        },
    )

    found = newest_effect(told.history, told.history.trials[arm], "clicks - 2 * errors")

    assert found.value == pytest.approx(2)
    assert found.arm is not None
    assert found.arm.n == 40
