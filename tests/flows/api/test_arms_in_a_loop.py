"""A loop of one's own tries the arms of a batch one by one, and ends those that cannot be compared any more."""

import pytest
from told_arms import ab_test

from overnight.campaign.errors import BudgetSpent
from overnight.campaign.history.trial import Observation, Withdrawal
from overnight.flows.api.ask_tell import AskTell

RESULT = {"mean": 3.0, "sem": 0.1, "n": 100}


@pytest.fixture
def loop(tmp_path):
    written = ab_test(budget={"trials": 5}, failures={"max_attempts": 3}).model_dump(mode="json", exclude_unset=True)
    places = {"ledger": str(tmp_path / "ledger"), "work": str(tmp_path / "work")}
    return AskTell(
        written | places | {"evaluator": {"kind": "command", "command": ["true"]}, "proposer": {"kind": "sobol"}}
    )


def test_arms_are_asked_for_after_their_status_quo_has_a_result(loop):
    for _ in range(3):
        loop.tell(loop.ask(), RESULT)
    assert all(isinstance(trial.outcome, Observation) for trial in loop.history.trials.values())


def test_a_lost_status_quo_is_tried_again_for_an_arm_that_has_a_result(loop):
    quo, arm = loop.ask(), loop.ask()
    loop.retry(quo, "lost")
    loop.tell(arm, RESULT)
    assert loop.ask().id == quo.id


def test_waiting_arms_end_with_a_status_quo_that_has_no_result(loop):
    loop.tell(loop.ask(), ValueError("no users"))
    assert loop.ask().batch == 4, "arms that were never tried cost nothing, so there is another batch"
    ends = [trial.outcome for trial in loop.history.trials.values()]
    assert [(end.by, end.why) for end in ends if isinstance(end, Withdrawal)] == [
        ("own-loop", "nothing is left in its batch that it could be compared with")
    ] * 2


def test_a_waiting_status_quo_ends_with_the_last_arm_that_could_be_compared_with_it(loop):
    quo, *arms = loop.ask(), loop.ask(), loop.ask()
    loop.retry(quo, "lost")
    for arm in arms:
        loop.abandon(arm, "no")
    with pytest.raises(BudgetSpent):
        loop.ask()
    assert isinstance(loop.history.trials[quo.id].outcome, Withdrawal)
