"""A candidate is confirmed if it is better and meets every guardrail with the demanded probability."""

from statistics import NormalDist
from typing import Any

import pytest
from told_arms import ToldArms, measured

from overnight.bo_core.experiment.verdicts import verdict
from overnight.campaign.experiment.verdict import Verdict

_SEM = 0.1
# A constraint with a fixed limit is met with 95 % if the mean is so many errors away.
_AWAY = NormalDist().inv_cdf(0.95) * _SEM


def told_with(hides: float | None, look: bool = False, ends: bool = True, **more: Any) -> Verdict:
    """Return the verdict on a candidate that is clearly better, with so many hides, of which at most 1 is allowed."""
    told = ToldArms(constraints=["hides <= 1"], **more)
    quo, arm = told.batch((0, 0.5), (7, 0.5), generator="ramp_up")
    found = {} if hides is None else {"hides": measured(hides, _SEM, 490)}
    metrics = {trial: {"clicks": measured(mean, 0.1, 490)} | found for trial, mean in ((quo, 10), (arm, 12))}
    if look:
        told.look(1, metrics)
    if ends:
        told.observe(metrics)
    return verdict(told.history)


@pytest.mark.parametrize(("away", "state"), [(1.01, "confirmed"), (0.99, "better, not shown feasible")])
def test_a_better_arm_is_confirmed_from_the_demanded_probability_of_its_guardrail(away: float, state: str) -> None:
    found = told_with(1 - away * _AWAY)
    assert (found.state, found.candidates[0].state) == (state, state)
    assert found.candidates[0].better_at is not None


def test_the_campaign_demands_the_probability() -> None:
    assert told_with(1 - 0.99 * _AWAY, feasible_at_least=0.9).state == "confirmed"
    assert told_with(1 - 1.01 * _AWAY, feasible_at_least=0.99).state == "better, not shown feasible"


def test_a_better_arm_without_a_result_of_its_guardrail_is_not_confirmed_and_the_guardrail_is_named() -> None:
    found = told_with(None)
    assert found.state == "better, not shown feasible"
    shown = "not shown to meet `hides <= 1` with a probability of at least 0.95; nothing is known of `hides <= 1`"
    error = "such a statement is false in at most 5 % of tests"
    assert str(found).startswith(f"Trial 2 is better than the status quo ({error}), but {shown}.")


def test_a_doubtful_guardrail_is_named_with_its_probability() -> None:
    found = str(told_with(1.0))
    assert "but not shown to meet `hides <= 1` with a probability of at least 0.95." in found
    assert "The probability that `hides <= 1` holds is 50 %." in found


def test_a_better_arm_in_the_ramp_up_may_still_be_shown_to_meet_its_guardrail() -> None:
    assert told_with(1.0, look=True, ends=False).state == "ramping"
    assert told_with(0.5, look=True, ends=False).state == "confirmed"
