"""The history of a campaign: the fold of its events, in any order in which trials finish."""

from collections.abc import Sequence

import pytest
from history_events import DEFINITION, at, defined, label, leased, observed, proposed, started
from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign import History, Measurement
from overnight.campaign.budget import Budget
from overnight.campaign.errors import InvalidHistory
from overnight.campaign.history.events import (
    AttemptFailed,
    CampaignDrained,
    CampaignFinished,
    CampaignRevised,
    Event,
    MeasurementReported,
    TrialFailed,
    TrialObserved,
)
from overnight.campaign.history.trial import Failure, Observation


def attempt_failed(trial: int, attempt: int = 1, *, will_retry: bool = True) -> AttemptFailed:
    return AttemptFailed(
        time=at(0),
        actor="c",
        trial=trial,
        attempt=attempt,
        cause="infrastructure",
        message="it died",
        will_retry=will_retry,
        seconds=1.5,
    )


def failed(trial: int, attempt: int = 1) -> TrialFailed:
    return TrialFailed(time=at(0), actor="c", trial=trial, attempt=attempt, cause="timeout", message="too slow")


def test_a_new_campaign_has_no_trials():
    history = History.from_events([defined()])
    assert history.defined == defined()
    assert history.definition == DEFINITION
    assert (history.next_trial, history.started, dict(history.trials)) == (1, 0, {})


def test_a_started_trial_stays_pending_until_it_is_observed():
    history = History.from_events([defined(), proposed(1), started(1)])
    assert [trial.id for trial in history.model_view().pending] == [1]
    history = history.extended([observed(1)])
    assert history.model_view().pending == ()
    [trial] = history.model_view().observed
    assert isinstance(trial.outcome, Observation)
    assert trial.outcome.metrics["burnt"].mean == label(1)


def test_a_failed_attempt_that_is_retried_keeps_its_trial_pending():
    history = History.from_events([proposed(1), started(1), attempt_failed(1)])
    trial = history.trials[1]
    assert trial.pending
    assert trial.open_attempt is None
    assert trial.attempts[0].failed is not None
    assert (trial.attempts[0].failed.message, trial.attempts[0].failed.seconds) == ("it died", 1.5)
    trial = history.extended([started(1, attempt=2)]).trials[1]
    assert trial.open_attempt is not None
    assert (trial.open_attempt.number, trial.open_attempt.key) == (2, "bread/1/2")


def test_a_trial_that_failed_for_good_is_neither_pending_nor_observed():
    history = History.from_events([proposed(1), started(1), attempt_failed(1, will_retry=False), failed(1)])
    view = history.model_view()
    assert (view.observed, view.pending) == ((), ())
    assert isinstance(view.failed[0].outcome, Failure)
    assert history.trials[1].open_attempt is None


def test_an_attempt_is_open_only_until_its_trial_ends():
    history = History.from_events([proposed(1)])
    assert history.trials[1].open_attempt is None
    history = history.extended([started(1)])
    assert history.trials[1].open_attempt is not None
    assert history.extended([observed(1)]).trials[1].open_attempt is None


@pytest.mark.parametrize(
    "outcomes",
    [
        [observed(1), failed(1)],
        [failed(1), observed(1)],
        [observed(1, attempt=2), observed(1, attempt=1, mean=-5)],
    ],
)
def test_the_first_outcome_in_ledger_order_wins(outcomes: list[TrialObserved | TrialFailed]):
    begin = [proposed(1), started(1), attempt_failed(1), started(1, attempt=2)]
    both, first = (History.from_events([*begin, *ends]).trials for ends in (outcomes, outcomes[:1]))
    assert both == first


def test_the_budget_counts_each_trial_that_started_once_however_it_ends():
    events = [
        *(proposed(trial) for trial in range(1, 6)),
        *(started(1), observed(1)),
        *(started(2), attempt_failed(2), started(2, attempt=2)),
        *(started(3), attempt_failed(3, will_retry=False), failed(3)),
    ]
    history = History.from_events(events)
    assert history.started == 3
    assert history.next_trial == 6


def test_reports_on_the_way_are_kept_and_change_no_outcome():
    metrics = {"burnt": Measurement(mean=3)}
    reports = [
        MeasurementReported(time=at(0), actor="e", trial=1, attempt=1, step=step, metrics=metrics) for step in (1, 2)
    ]
    history = History.from_events([proposed(1), started(1), *reports])
    assert history.reports[1] == tuple(reports)
    assert history.trials[1].pending


def test_time_without_a_controller_at_work_is_not_counted():
    drained = CampaignDrained(time=at(100), actor="c", epoch=1, reason="the window closed")
    evening = [defined(0), leased(1, 10), proposed(1, 20), started(1, seconds=30), drained]
    history = History.from_events(evening)
    assert history.active_seconds == 90
    assert history.closed_by == drained
    history = history.extended([leased(2, 10_000), proposed(2, 10_005)])
    assert history.active_seconds == 95
    assert history.closed_by is None
    assert history.lease == leased(2, 10_000)


def test_time_after_a_controller_was_killed_is_not_counted():
    history = History.from_events([leased(1, 0), proposed(1, 20), leased(2, 5000), started(1, seconds=5001)])
    assert history.active_seconds == 21


def test_a_clock_that_goes_back_takes_no_time_away():
    assert History.from_events([leased(1, 0), proposed(1, 20), started(1, seconds=5)]).active_seconds == 20


@pytest.mark.parametrize("event", [started(7), attempt_failed(7), observed(7), failed(7)])
def test_an_event_of_a_trial_that_was_never_proposed_is_refused(event):
    with pytest.raises(InvalidHistory, match=rf"`{event.kind}/7/1`: trial 7 was not proposed"):
        History.from_events([proposed(1), event])


def test_nothing_is_asked_for_before_a_campaign_is_defined():
    with pytest.raises(InvalidHistory, match="campaign_defined"):
        _ = History().definition


def test_extending_a_history_leaves_the_old_one_alone():
    before = History.from_events([proposed(1), started(1)])
    before.extended([observed(1), proposed(2)])
    assert list(before.trials) == [1]
    assert before.trials[1].pending


@st.composite
def lives(draw: st.DrawFn) -> list[list[Event]]:
    """Draw the events of several trials, with each trial's events in order."""
    return [draw(one_life(trial)) for trial in range(1, draw(st.integers(1, 6)) + 1)]


@st.composite
def one_life(draw: st.DrawFn, trial: int) -> list[Event]:
    events: list[Event] = [proposed(trial)]
    retries = draw(st.integers(0, 2))
    for attempt in range(1, retries + 1):
        events += [started(trial, attempt), attempt_failed(trial, attempt)]
    last = retries + 1
    ends: list[list[Event]] = [
        [],
        [started(trial, last)],
        [started(trial, last), observed(trial, last)],
        [started(trial, last), attempt_failed(trial, last, will_retry=False), failed(trial, last)],
    ]
    return events + draw(st.sampled_from(ends))


def interleaved(draw: st.DrawFn, rows: Sequence[Sequence[Event]]) -> list[Event]:
    """Draw an order of all events that keeps the order within each row."""
    turns = draw(st.permutations([index for index, row in enumerate(rows) for _ in row]))
    waiting = [iter(row) for row in rows]
    return [next(waiting[turn]) for turn in turns]


@given(st.data())
def test_any_order_that_keeps_each_trials_own_order_gives_the_same_model_view(data):
    rows = data.draw(lives())
    in_order = History.from_events(event for row in rows for event in row)
    mixed = History.from_events(interleaved(data.draw, rows))
    assert mixed.model_view() == in_order.model_view()
    assert mixed.started == in_order.started
    assert mixed.next_trial == in_order.next_trial


@given(st.data())
def test_labels_stay_with_their_own_trial_in_whatever_order_trials_finish(data):
    view = History.from_events(interleaved(data.draw, data.draw(lives()))).model_view()
    for trial in view.observed:
        assert isinstance(trial.outcome, Observation)
        assert trial.outcome.metrics["burnt"].mean == label(trial.id)
        assert trial.point == {"heat": float(trial.id)}


@given(st.data())
def test_a_history_is_the_same_however_its_events_were_batched(data):
    events = interleaved(data.draw, data.draw(lives()))
    cut = data.draw(st.integers(0, len(events)))
    assert History.from_events(events[:cut]).extended(events[cut:]) == History.from_events(events)


@given(st.data())
def test_an_event_that_was_seen_before_changes_nothing(data):
    reports = [MeasurementReported(time=at(9), actor="c", trial=1, attempt=1, step=step, metrics={}) for step in (1, 2)]
    last = CampaignFinished(time=at(60), actor="c", epoch=1, reason="the budget is spent")
    events = [defined(), leased(1), *interleaved(data.draw, data.draw(lives())), *reports, last]
    events += [leased(2, seconds=70), proposed(7, seconds=80)]
    twice = list(events)
    for event in data.draw(st.lists(st.sampled_from(events))):
        where = data.draw(st.integers(events.index(event) + 1, len(twice)))
        changed = {"time": at(999), "actor": "somebody else"} if data.draw(st.booleans()) else {}
        twice.insert(max(where, twice.index(event) + 1), event.model_copy(update=changed) if changed else event)
    assert History.from_events(twice) == History.from_events(events)


def test_what_people_write_while_nobody_works_takes_no_time_and_gives_none() -> None:
    by_hand = proposed(2, seconds=30_000).model_copy(update={"actor": "ask-tell"})
    killed = [defined(), leased(1, 0), proposed(1, 3), by_hand, leased(2, 40_000), started(1, seconds=40_005)]
    assert History.from_events(killed).active_seconds == 3 + 5
    ahead = proposed(2, seconds=3600).model_copy(update={"actor": "ask-tell"})
    history = History.from_events([defined(), leased(1, 0), proposed(1, 3), ahead, started(1, seconds=600)])
    assert history.active_seconds == 600
    assert history.active_until == at(600)


def test_a_revision_between_two_sessions_takes_no_time_of_the_budget() -> None:
    revised = CampaignRevised(time=at(10_000), actor="ada", revision=1, definition=DEFINITION)
    drained = CampaignDrained(time=at(10), actor="c", epoch=1, reason="asked to stop")
    history = History.from_events([defined(), leased(1), drained, revised, leased(2, 20_000), proposed(1, 20_005)])
    assert history.active_seconds == 15


def test_an_imported_trial_is_an_observation_that_the_budget_does_not_count() -> None:
    brought = proposed(1).model_copy(update={"generator": "import"})
    history = History.from_events([defined(), brought, observed(1, attempt=0), proposed(2), started(2)])
    assert history.trials[1].imported
    assert not history.trials[2].imported
    assert [trial.id for trial in history.model_view().observed] == [1]
    assert (history.budgeted, history.started, history.next_trial) == (1, 1, 3)


def test_a_measurement_of_a_trial_that_nobody_proposed_is_refused() -> None:
    stray = MeasurementReported(time=at(1), actor="c", trial=3, attempt=1, step=0, metrics={})
    with pytest.raises(InvalidHistory, match="trial 3"):
        History.from_events([defined(), stray])


def test_a_revision_keeps_the_definitions_before_it_and_opens_a_campaign_that_had_finished() -> None:
    larger, largest = (DEFINITION.model_copy(update={"budget": Budget(trials=trials)}) for trials in (20, 30))
    first = CampaignRevised(time=at(5), actor="ada", revision=1, definition=larger)
    second = CampaignRevised(time=at(20), actor="ada", revision=2, definition=largest)
    last = CampaignFinished(time=at(10), actor="c", epoch=1, reason="all have been tried")
    over = History.from_events([defined(), leased(1), first, last])
    assert (over.finished, over.superseded) == (last, (DEFINITION,))
    history = over.extended([second, first])
    assert (history.closed_by, history.finished) == (last, None)
    assert (history.definition, history.superseded) == (largest, (DEFINITION, larger))
