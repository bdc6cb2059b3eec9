"""The costs of evaluations that report none, and the evaluations from which others continue."""

import pytest
from thorough_campaigns import NOON, Thorough, thorough

from overnight.campaign import EvaluationFailed, EvaluationSucceeded, Measurement
from overnight.campaign.history.events import AttemptFailed
from overnight.campaign.history.trial import Resumed
from overnight.campaign.standing.spending import spending
from overnight.flows.rules.new_trials import attempt_event
from overnight.flows.rules.outcomes import outcome_events
from overnight.flows.rules.resumed_attempts import resume_from

GOOD = EvaluationSucceeded(metrics={"loss": Measurement(mean=1.0)})


def ended(told: Thorough, trial: int, outcome=GOOD, attempt: int = 1):
    return outcome_events(told.campaign, told.history.trials[trial], attempt, outcome, NOON, "c")


def next_start(told: Thorough, trial: int, number: int = 1):
    return attempt_event(told.history, trial, told.history.trials[trial].point, number, NOON, "c")


@pytest.mark.parametrize(("epochs", "cost"), [(1, 1 / 9), (3, 1 / 3), (9, 1.0), (None, 1.0)])
def test_an_evaluation_without_a_cost_costs_its_share_of_a_full_one(epochs, cost):
    told = Thorough()
    trial = told.propose(0.5, epochs)
    told.start(trial)
    assert ended(told, trial)[0].cost == pytest.approx(cost)


def test_the_overhead_is_part_of_the_cost():
    fidelity = {"epochs": {"low": 1, "high": 10, "overhead": 0.5}}
    told = Thorough(thorough(fidelity=fidelity))
    trial = told.propose(0.5, 1)
    told.start(trial)
    assert ended(told, trial)[0].cost == pytest.approx(0.6)


def test_an_evaluation_that_continues_costs_only_the_rest():
    told = Thorough()
    trial = told.propose(0.5, 9)
    told.start(trial, Resumed(trial=7, fidelity=3))
    assert ended(told, trial)[0].cost == pytest.approx(6 / 9)


def test_a_reported_cost_counts():
    told = Thorough()
    trial = told.propose(0.5, 9)
    told.start(trial)
    assert ended(told, trial, GOOD.model_copy(update={"cost": 0.2}))[0].cost == 0.2


def test_a_failed_attempt_costs_at_most_the_whole_evaluation_and_is_charged_that():
    told = Thorough()
    trial = told.propose(0.5, 3)
    told.start(trial)
    failed = EvaluationFailed(cause="infrastructure", message="killed")
    told.add(*ended(told, trial, failed))
    assert spending(told.history.trials.values()).cost == pytest.approx(1 / 3)


def test_a_failure_of_the_machine_costs_nothing():
    told = Thorough()
    trial = told.propose(0.5, 3)
    told.start(trial)
    [failed] = ended(told, trial, EvaluationFailed(cause="infrastructure", message="no disk", machine=True))
    assert failed.cost is None
    told.add(failed)
    assert spending(told.history.trials.values()).cost == 0


def test_no_cost_is_made_up_without_a_fidelity():
    plain = Thorough(thorough(fidelity=None))
    trial = plain.propose(0.5)
    plain.start(trial)
    assert ended(plain, trial)[0].cost is None


def test_an_attempt_continues_from_the_highest_lower_fidelity_of_its_point():
    told = Thorough()
    told.run(0.5, 1, 2.0)
    best = told.run(0.5, 3, 1.5)
    told.run(0.4, 3, 1.0)
    told.run(0.5, 9, 1.0)
    trial = told.propose(0.5, 9)
    assert next_start(told, trial).resumed == Resumed(trial=best, fidelity=3)


def test_of_two_results_at_the_same_fidelity_it_continues_from_the_newer_one():
    told = Thorough()
    told.run(0.5, 3, 2.0)
    newer = told.run(0.5, 3, 1.5)
    trial = told.propose(0.5)
    assert next_start(told, trial).resumed == Resumed(trial=newer, fidelity=3)


@pytest.mark.parametrize("campaign", [thorough(resume=False), thorough(fidelity=None)])
def test_nothing_is_continued_unless_the_fidelity_says_so(campaign):
    told = Thorough(campaign)
    told.run(0.5, None if campaign.fidelity is None else 3, 2.0)
    trial = told.propose(0.5)
    assert next_start(told, trial).resumed is None


def test_nothing_is_continued_that_was_measured_elsewhere():
    told = Thorough()
    past = told.propose(0.5, 3, generator="import")
    told.observe(past, 1.0, attempt=0)
    trial = told.propose(0.5, 9)
    assert next_start(told, trial).resumed is None


def test_a_repeated_attempt_continues_from_the_same_evaluation_as_the_first():
    told = Thorough()
    first = told.run(0.5, 1, 2.0)
    trial = told.propose(0.5, 9)
    told.add(next_start(told, trial))
    told.run(0.5, 3, 1.5)
    failed = AttemptFailed(
        time=told.now, actor="c", trial=trial, attempt=1, cause="infrastructure", message="", will_retry=True
    )
    told.add(failed)
    assert next_start(told, trial, 2).resumed == Resumed(trial=first, fidelity=1)


def test_a_request_names_the_earlier_trial_with_its_attempt_and_its_artifacts():
    told = Thorough()
    first = told.propose(0.5, 3)
    told.start(first)
    told.observe(first, 1.5, artifacts=("state.npz",))
    trial = told.propose(0.5, 9)
    told.add(next_start(told, trial))
    found = resume_from(told.history, told.history.trials[trial].attempts[0])
    assert found is not None
    assert (found.trial, found.fidelity, found.artifacts) == (first, 3, ("state.npz",))
    assert found.key == told.history.trials[first].attempts[0].key
