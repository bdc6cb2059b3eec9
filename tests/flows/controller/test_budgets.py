from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from read_ledgers import events_of
from scripted_campaign import a_campaign
from virtual_nights import LongEvaluator, NightClock, one_night

from benchmarks.virtual_time import run_in_virtual_time
from overnight.campaign import Campaign, History
from overnight.campaign.history.events import AttemptFailed, AttemptStarted, Event, TrialObserved
from overnight.storage import MemoryLedger


def tried(campaign: Campaign, evaluator: LongEvaluator) -> tuple[History, Sequence[Event]]:
    ledger = MemoryLedger()

    async def work():
        return await one_night(campaign, evaluator, ledger), await events_of(ledger)

    return run_in_virtual_time(work())


def cost_beyond_what_was_expected(events: Sequence[Event]) -> float:
    """Return the excess cost of the last evaluation to start, and of those that were running then.

    The last one is compared with the mean of the costs known then, each of the others with their maximum.
    """
    costs = {(e.trial, e.attempt): e.cost for e in events if isinstance(e, TrialObserved | AttemptFailed)}
    last = max(i for i, event in enumerate(events) if isinstance(event, AttemptStarted))
    known, running = [], set()
    for event in events[:last]:
        if isinstance(event, AttemptStarted):
            running.add((event.trial, event.attempt))
        elif isinstance(event, TrialObserved | AttemptFailed):
            running.remove((event.trial, event.attempt))
            known.append(costs[event.trial, event.attempt])
    newest = costs[events[last].trial, events[last].attempt]
    if not known:
        return newest
    return max(newest - sum(known) / len(known), 0) + sum(max(costs[key] - max(known), 0) for key in running)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.floats(0.1, 10), min_size=30, max_size=30),
    st.lists(st.floats(0.1, 5), min_size=30, max_size=30),
    st.sets(st.integers(1, 30), max_size=8),
    st.integers(1, 6),
    st.floats(5, 60),
)
def test_a_budget_of_cost_is_overspent_only_by_what_the_last_evaluations_cost_more_than_expected(
    costs, hours, failing, workers, cap
):
    evaluator = LongEvaluator(lambda trial: hours[trial - 1], NightClock())
    evaluator.cost = lambda trial, attempt: costs[trial - 1] * attempt
    evaluator.fails = lambda trial, attempt: trial in failing and attempt == 1
    campaign = a_campaign(workers=workers, budget={"trials": 30, "cost": cap})
    history, events = tried(campaign, evaluator)
    spent = sum(event.cost for event in events if isinstance(event, TrialObserved | AttemptFailed))
    assert spent <= cap + cost_beyond_what_was_expected(events) + 1e-6
    assert history.closed_by.kind == "campaign_finished"
    if "cost budget" not in history.closed_by.reason:
        assert all(trial.outcome is not None for trial in history.trials.values())
        assert len(history.trials) == 30


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(st.integers(1, 25), st.integers(1, 6), st.sampled_from([0.1, 0.25, 1.0, 3.3]))
def test_evaluations_that_all_cost_the_same_spend_their_budget_to_the_last(paid, workers, cost):
    evaluator = LongEvaluator(lambda trial: 1 + trial % 3, NightClock())
    evaluator.cost = lambda trial, attempt: cost
    campaign = a_campaign(workers=workers, budget={"trials": 100, "cost": cost * paid})
    history, events = tried(campaign, evaluator)
    assert sum(isinstance(event, AttemptStarted) for event in events) == paid
    assert history.closed_by.reason.startswith(f"the cost budget of {cost * paid:g} is spent: evaluations cost ")


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.integers(1, 30), st.integers(1, 12), st.integers(1, 6), st.sets(st.integers(1, 12)))
def test_a_budget_of_evaluations_counts_repeated_attempts_and_is_spent_exactly(allowed, trials, workers, failing):
    evaluator = LongEvaluator(lambda trial: 1 + trial % 3, NightClock())
    evaluator.fails = lambda trial, attempt: trial in failing and attempt == 1
    campaign = a_campaign(workers=workers, budget={"trials": trials, "evaluations": allowed})
    history, events = tried(campaign, evaluator)
    needed = trials + len([trial for trial in failing if trial <= trials])
    assert sum(isinstance(event, AttemptStarted) for event in events) == min(allowed, needed)
    if allowed < needed:
        assert history.closed_by.reason == f"all {allowed} evaluations of the budget have been started"
        assert history.closed_by.because == "evaluations"
    else:
        assert history.closed_by.reason == f"all {trials} trials of the budget have been tried"
        assert history.closed_by.because == "trials"


def test_no_trial_is_proposed_that_no_budget_is_left_to_start():
    evaluator = LongEvaluator(lambda trial: trial, NightClock())
    evaluator.fails = lambda trial, attempt: attempt == 1
    history, _ = tried(a_campaign(workers=4, budget={"trials": 50, "evaluations": 9}), evaluator)
    assert all(trial.attempts for trial in history.trials.values())


def test_a_campaign_whose_budget_was_raised_goes_on():
    evaluator, ledger = LongEvaluator(lambda trial: 1, NightClock()), MemoryLedger()

    async def work():
        few = await one_night(a_campaign(budget={"trials": 6, "evaluations": 2}), evaluator, ledger)
        return few, await one_night(a_campaign(budget={"trials": 6, "evaluations": 9}), evaluator, ledger)

    few, more = run_in_virtual_time(work())
    assert (few.started, more.started) == (2, 6)
    assert more.closed_by.reason == "all 6 trials of the budget have been tried"
