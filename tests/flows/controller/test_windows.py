import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from read_ledgers import events_of
from virtual_nights import (
    FRIDAY_NOON,
    HOUR,
    LongEvaluator,
    NightClock,
    SeenSteps,
    a_night,
    nights,
    one_night,
)

from benchmarks.virtual_time import run_in_virtual_time
from overnight.campaign import Campaign, History
from overnight.campaign.history.events import AttemptFailed, AttemptStarted, TrialFailed, TrialObserved
from overnight.flows.people.revising import revise
from overnight.flows.session.journal import Journal
from overnight.storage import MemoryLedger

MINUTE = timedelta(minutes=1)
TEN = datetime(2026, 3, 27, 21, tzinfo=UTC)
NIGHTS = {"from": "22:00", "zone": "Europe/Berlin"}


def predicted_by_hand(durations: list[timedelta], time_limit: timedelta) -> timedelta:
    """Return the shortest duration that at least nine tenths of the known durations did not exceed."""
    if len(durations) < 5:
        return time_limit
    return min(d for d in durations if 10 * sum(other <= d for other in durations) >= 9 * len(durations))


def check_starts(events, window, time_limit: timedelta) -> None:
    """Check that each attempt was expected at its start to end before its window closed."""
    began: dict[tuple[int, int], datetime] = {}
    durations: list[timedelta] = []
    for event in events:
        if isinstance(event, AttemptStarted):
            began[event.trial, event.attempt] = event.time
            closes = window.closes(event.time)
            assert closes is not None
            assert event.time + predicted_by_hand(durations, time_limit) <= closes
        elif isinstance(event, TrialObserved):
            durations.append(event.time - began[event.trial, event.attempt])


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(0.1, 6), min_size=9, max_size=9),
    st.integers(1, 5),
    st.sampled_from(["finish", "stop"]),
)
def test_over_several_nights_each_trial_has_one_outcome_and_none_begins_that_would_not_end_in_time(
    hours, workers, running
):
    clock, ledger = NightClock(), MemoryLedger()
    evaluator = LongEvaluator(lambda trial: hours[trial - 1], clock)
    campaign = a_night(running, workers=workers, budget={"trials": len(hours)})

    async def work():
        mornings = await nights(campaign, evaluator, clock, ledger, most=40)
        return mornings, await events_of(ledger)

    mornings, events = run_in_virtual_time(work())
    assert mornings[-1].closed_by.kind == "campaign_finished"
    ends = Counter(event.trial for event in events if isinstance(event, TrialObserved | TrialFailed))
    assert ends == dict.fromkeys(range(1, len(hours) + 1), 1)
    check_starts(events, campaign.window, evaluator.time_limit)
    stopped = [event for event in events if isinstance(event, AttemptFailed)]
    if running == "finish":
        assert stopped == []
    for event in stopped:
        assert (event.cause, event.will_retry) == ("cancelled", True)
        assert (event.trial, event.attempt + 1) in evaluator.at_work
    if running == "stop":
        for began, ended in evaluator.at_work.values():
            assert ended <= campaign.window.closes(began)


def test_three_nights_of_trials_that_take_longer_the_more_there_are():
    clock, ledger, steps = NightClock(), MemoryLedger(), SeenSteps()
    # The first five take two hours; then each takes five, which could not be predicted.
    evaluator = LongEvaluator(lambda trial: 2 if trial <= 5 else 5, clock)
    campaign = a_night("stop", workers=1, budget={"trials": 6})

    async def work():
        return await nights(campaign, evaluator, clock, ledger, 5, steps), await events_of(ledger)

    mornings, events = run_in_virtual_time(work())
    # Until five durations are known, a trial begins only if its whole time limit of six hours fits.
    # The second night has only seven hours.
    assert [(trial, attempt) for trial, attempt in evaluator.at_work] == [
        (1, 1), (2, 1), (3, 1), (4, 1), (5, 1), (6, 1), (6, 2)
    ]  # fmt: skip
    assert [len(m.model_view().observed) for m in mornings] == [2, 3, 5, 6]
    assert [m.closed_by.kind for m in mornings] == ["campaign_drained"] * 3 + ["campaign_finished"]
    reasons = [m.closed_by.reason for m in mornings]
    assert reasons[0].endswith(
        "closes Sat 2026-03-28 06:00 CET and an evaluation is expected to take 6h; it opens again "
        "Sat 2026-03-28 22:00 CET"
    )
    assert "has closed; it opens again Mon 2026-03-30 22:00 CEST" in reasons[2]
    assert [(e.trial, e.attempt, e.cause, e.will_retry) for e in events if isinstance(e, AttemptFailed)] == [
        (6, 1, "cancelled", True)
    ]
    check_starts(events, campaign.window, evaluator.time_limit)


def test_what_was_stopped_is_known_as_pending_to_every_proposal_of_the_next_night():
    clock, ledger, steps = NightClock(), MemoryLedger(), SeenSteps()
    evaluator = LongEvaluator(lambda trial: 5.5 if trial in (13, 14, 15) else 1, clock)
    campaign = a_night("stop", workers=4, budget={"trials": 30})

    async def work():
        [first, _] = await nights(campaign, evaluator, clock, ledger, 2, steps)
        return first

    first = run_in_virtual_time(work())
    left = {trial.id for trial in first.model_view().pending}
    assert left == {13, 14, 15}
    later = [history for history in steps.seen if history.lease.epoch == 2]
    assert later
    for history in later:
        ended = {trial.id for trial in history.model_view().observed}
        assert left <= ended | {trial.id for trial in history.model_view().pending}
    assert set(later[0].trials) == set(first.trials)


def test_what_may_finish_is_waited_for_beyond_the_end_of_its_window():
    clock, ledger = NightClock(), MemoryLedger()
    evaluator = LongEvaluator(lambda trial: 1 if trial <= 5 else 5.5, clock)
    campaign = a_night("finish", workers=2, budget={"trials": 20})

    async def work():
        return await nights(campaign, evaluator, clock, ledger, 1)

    [morning] = run_in_virtual_time(work())
    closes = campaign.window.closes(FRIDAY_NOON + 10 * HOUR)
    assert max(ended for _, ended in evaluator.at_work.values()) > closes
    assert max(began for began, _ in evaluator.at_work.values()) < closes
    assert all(trial.outcome is not None for trial in morning.trials.values() if trial.attempts)
    assert "has closed; it opens again Sat 2026-03-28 22:00 CET" in morning.closed_by.reason


@pytest.mark.parametrize("running", ["finish", "stop"])
def test_started_outside_of_its_window_it_ends_at_once_and_says_when_it_opens(running):
    clock, ledger = NightClock(), MemoryLedger()
    evaluator = LongEvaluator(lambda trial: 1, clock)

    async def work():
        return await one_night(a_night(running), evaluator, ledger), clock.now()

    history, ended = run_in_virtual_time(work())
    assert ended == FRIDAY_NOON
    assert history.trials == {}
    assert history.closed_by.kind == "campaign_drained"
    assert history.closed_by.reason == (
        "outside the window 22:00–06:00 Europe/Berlin; it opens Fri 2026-03-27 22:00 CET"
    )


def test_started_within_the_last_minute_before_its_window_it_waits_for_that():
    ledger, evaluator = MemoryLedger(), LongEvaluator(lambda trial: 1, NightClock(TEN - MINUTE))
    campaign = a_night(workers=2, budget={"trials": 2})
    history = run_in_virtual_time(one_night(campaign, evaluator, ledger))
    assert [began for began, _ in evaluator.at_work.values()] == [TEN, TEN]
    assert history.closed_by.kind == "campaign_finished"


def test_started_more_than_a_minute_before_its_window_it_ends_at_once():
    start = TEN - MINUTE - timedelta(seconds=1)
    ledger, evaluator = MemoryLedger(), LongEvaluator(lambda trial: 1, NightClock(start))
    history = run_in_virtual_time(one_night(a_night(), evaluator, ledger))
    assert (history.trials, history.closed_by.time) == ({}, start)


def revised_at_midnight(shuts: str, then: str, running: str, hours: int) -> tuple[History, LongEvaluator]:
    """Run a campaign from 22:00 on; a minute before midnight a revision moves the end of its window."""
    ledger, clock = MemoryLedger(), NightClock(TEN)
    evaluator = LongEvaluator(lambda trial: hours, clock, time_limit=hours * HOUR)

    def until(shuts: str) -> Campaign:
        return a_night(workers=2, window={**NIGHTS, "to": shuts, "running": running}, budget={"trials": 40})

    async def work():
        night = asyncio.create_task(one_night(until(shuts), evaluator, ledger))
        await clock.until(TEN + 2 * HOUR - MINUTE)
        elsewhere = Journal(ledger)
        await elsewhere.refresh()
        await elsewhere.insist(lambda history: revise(history, "ada", "so it is", clock.now(), until(then), {}))
        return await night

    return run_in_virtual_time(work()), evaluator


def test_a_window_that_is_made_longer_while_it_is_open_is_used_to_its_new_end():
    history, evaluator = revised_at_midnight("01:00", "06:00", "finish", hours=2)
    begun = sorted(began for began, _ in evaluator.at_work.values())
    assert begun == [TEN + hours * HOUR for hours in (0, 0, 2, 2, 4, 4, 6, 6)]
    assert history.closed_by.reason.startswith("the window 22:00–06:00 Europe/Berlin has closed")
    assert history.closed_by.because == "window_closed"


@pytest.mark.parametrize(("running", "hours"), [("finish", 3), ("stop", 2.5)])
def test_a_window_that_is_made_shorter_while_it_is_open_closes_at_its_new_end(running, hours):
    history, evaluator = revised_at_midnight("06:00", "00:30", running, hours=3)
    assert list(evaluator.at_work.values()) == [(TEN, TEN + hours * HOUR)] * 2
    assert history.closed_by.reason.startswith("the window 22:00–00:30 Europe/Berlin has closed")


def test_whoever_ignores_the_window_runs_at_any_time_to_the_end():
    clock, ledger = NightClock(), MemoryLedger()
    evaluator = LongEvaluator(lambda trial: 6, clock)
    history = run_in_virtual_time(one_night(a_night("stop"), evaluator, ledger, ignore_window=True))
    assert history.closed_by.kind == "campaign_finished"
    assert len(history.model_view().observed) == 8


def test_what_a_dead_controller_left_running_is_waited_for_outside_of_the_window_and_goes_on_once_it_opens():
    ledger, kept = MemoryLedger(), MemoryLedger()
    clock = NightClock(datetime(2026, 3, 27, 19, 30, tzinfo=UTC))
    evaluator = LongEvaluator(lambda trial: 3, clock, time_limit=4 * HOUR)
    campaign = a_night("stop", workers=2, budget={"trials": 3})

    async def work():
        first = LongEvaluator(lambda trial: 3, NightClock(FRIDAY_NOON + 10 * HOUR), time_limit=4 * HOUR)
        await one_night(a_night("stop", workers=2, budget={"trials": 1}), first, ledger)
        for segment in await ledger.read():
            if not any(isinstance(event, TrialObserved) for event in segment.events):
                await kept.append(segment.events, after=len(await kept.read()))
            else:
                break
        clock.start -= timedelta(hours=3)
        return await one_night(campaign, evaluator, kept), await events_of(kept)

    history, events = run_in_virtual_time(work())
    assert evaluator.recovered == [(1, 1)]
    assert history.closed_by.kind == "campaign_finished"
    began, ended = evaluator.at_work[1, 1]
    assert ended - began == 3 * HOUR
    assert not campaign.window.is_open(began)
    starts = [event.time for event in events if isinstance(event, AttemptStarted) and event.trial == 2]
    assert starts == [campaign.window.next_opening(began)]
