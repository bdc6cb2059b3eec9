"""Nothing starts that the budget of cost does not pay for beside what runs, if costs follow from a fidelity."""

import random

import pytest
from thorough_campaigns import Thorough, thorough

from overnight.campaign.history.events import AttemptFailed
from overnight.campaign.standing.declared_costs import to_resume
from overnight.campaign.standing.spending import spending
from overnight.flows.rules.allowance import Allowance


def allowed(told: Thorough, running: int = 0) -> Allowance:
    """Return what may start while so many of the open trials run."""
    return Allowance(
        history=told.history,
        now=told.now,
        in_flight=frozenset(),
        running=running,
        willing=True,
        in_window=True,
        exhausted=False,
    )


def fail(told: Thorough, trial: int, cost: float, attempt: int = 1) -> None:
    """End an attempt, after which the trial is tried again."""
    about = {"trial": trial, "attempt": attempt, "cause": "infrastructure", "message": "", "cost": cost}
    told.add(AttemptFailed.model_validate({"time": told.now, "actor": "c", "will_retry": True, **about}))


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_asked_for_the_budget_is_never_overspent_if_costs_are_as_declared(seed: int, resume: bool) -> None:
    numbers = random.Random(seed)
    budget = numbers.uniform(0.2, 4.0)
    told = Thorough(thorough(resume=resume, workers=4, budget={"trials": 60, "cost": budget}))
    running = dict[int, float]()

    def spent() -> float:
        return spending(told.history.trials.values()).cost

    for _ in range(80):
        if numbers.random() < 0.5:
            told.propose(numbers.choice([0.1, 0.5, 0.9]), numbers.choice([1, 3, 9]))
        for trial in allowed(told, len(running)).to_start:
            since = to_resume(told.history, trial.point) if not trial.attempts else trial.attempts[0].resumed
            told.start(trial.id, since, attempt=len(trial.attempts) + 1)
            running[trial.id] = (int(str(trial.point["epochs"])) - (0 if since is None else since.fidelity)) / 9
        assert spent() + sum(running.values()) <= budget + 1e-6
        if running and numbers.random() < 0.7:
            trial = numbers.choice([*running])
            attempt, cost = len(told.history.trials[trial].attempts), running.pop(trial)
            if numbers.random() < 0.2:
                fail(told, trial, cost, attempt)
            else:
                told.observe(trial, 1.0, attempt, cost=cost)


def test_a_trial_that_does_not_fit_beside_what_runs_waits_and_a_cheaper_one_starts() -> None:
    told = Thorough(thorough(resume=False, workers=3, budget={"trials": 60, "cost": 1.4}))
    first, full, cheap = told.propose(0.1, 9), told.propose(0.2, 9), told.propose(0.3, 3)
    told.start(first)
    now = allowed(told, running=1)
    assert [trial.id for trial in now.to_start] == [cheap]
    assert [trial.id for trial in now.affordable] == [cheap]
    told.start(cheap)
    assert allowed(told, running=2).seconds_to_next_start is None
    assert allowed(told, running=2).why_over is None
    # The first costs less than expected after all.
    told.observe(first, 1.0, cost=0.05)
    told.observe(cheap, 1.0, cost=0.02)
    assert [trial.id for trial in allowed(told).to_start] == [full]


def test_a_campaign_is_over_if_the_only_trial_that_waits_costs_more_than_is_left() -> None:
    told = Thorough(thorough(resume=False, budget={"trials": 60, "cost": 1.5}))
    trial = told.propose(0.1, 9)
    told.start(trial)
    fail(told, trial, cost=1.0)
    now = allowed(told)
    assert now.to_start == []
    assert now.seconds_to_next_start is None
    assert now.why_over is not None
    assert now.why_over.because == "cost"


def test_a_campaign_is_over_if_the_search_has_left_too_little_for_the_confirming_trial() -> None:
    told = Thorough(thorough(resume=False, budget={"trials": 60, "cost": 2}))
    told.run(0.1, 9, loss=1.0)
    told.run(0.2, 1, loss=0.9)
    now = allowed(told)
    assert (now.confirming.begun, now.unproposed) == (True, 0)
    assert now.why_over is not None
    assert now.why_over.because == "cost"
