"""A run of a deployment decides from the history and the time of day whether it has any work."""

from datetime import UTC, datetime, timedelta

import pytest

from overnight.campaign import History
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    CampaignDrained,
    CampaignFinished,
    Event,
    LeaseTaken,
    TrialProposed,
)
from overnight.flows.definition.campaign_file import CampaignFile, read_campaign
from overnight.flows.engine.nothing_to_do import why_finished, why_not_now

OPENS = datetime(2026, 1, 14, 22, tzinfo=UTC)
MIDNIGHT, NOON = OPENS + timedelta(hours=2), OPENS + timedelta(hours=14)


def file_of(*, trials: int = 9, window: str | None = "22:00–06:00 UTC") -> CampaignFile:
    return read_campaign(
        {
            "name": "night",
            "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
            "minimize": "loss",
            "evaluator": {"kind": "command", "command": ["./measure.sh"], "time_limit": "1h"},
            "budget": {"trials": trials},
            **({} if window is None else {"window": window}),
        }
    )


def told(*events: Event, file: CampaignFile | None = None) -> History:
    """Return the history of a campaign whose controller began when the window opened."""
    file = file or file_of()
    by = {"time": OPENS, "actor": "controller"}
    defined = CampaignDefined(**by, uid="1", definition=file.campaign, settings=file.settings())
    lease = LeaseTaken(**by, epoch=1, host="h", pid=7, started="elsewhere:1")
    return History.from_events([defined, lease, *events])


def drained(at: datetime) -> Event:
    return CampaignDrained(time=at, actor="controller", epoch=1, reason="asked to stop by ann")


def finished(at: datetime) -> Event:
    return CampaignFinished(time=at, actor="controller", epoch=1, reason="all 9 trials have been tried")


def at_work() -> list[Event]:
    by = {"time": OPENS, "actor": "controller", "trial": 1}
    return [
        TrialProposed(**by, point={"x": 0.5}, generator="sobol"),
        AttemptStarted(**by, attempt=1, key="night-1/1/1"),
    ]


def at(moment: datetime, history: History, *, by_schedule: bool = True, file: CampaignFile | None = None) -> str | None:
    return why_not_now(history, file or file_of(), moment, by_schedule=by_schedule)


def test_a_campaign_whose_controller_never_said_how_it_ended_goes_on_within_its_window():
    assert at(MIDNIGHT, told(*at_work())) is None


def test_a_campaign_that_has_not_begun_begins_whenever_its_window_is_open():
    assert at(MIDNIGHT, History()) is None


def test_one_that_was_drained_stays_so_for_the_schedule_until_the_window_opens_again():
    history = told(drained(OPENS + timedelta(hours=1)))
    said = at(MIDNIGHT, history)
    assert "asked to stop by ann" in said
    assert "Thu 2026-01-15 22:00 UTC" in said
    assert at(OPENS + timedelta(days=1), history) is None


def test_whoever_starts_a_run_by_hand_goes_on_with_what_was_drained():
    assert at(MIDNIGHT, told(drained(OPENS + timedelta(hours=1))), by_schedule=False) is None


def test_the_window_that_is_about_to_open_is_no_reason_to_do_nothing():
    assert at(OPENS + timedelta(days=1) - timedelta(seconds=1), told(drained(MIDNIGHT))) is None


@pytest.mark.parametrize("by_schedule", [True, False])
def test_outside_of_its_window_a_campaign_has_nothing_to_do(by_schedule):
    said = at(NOON, told(), by_schedule=by_schedule)
    assert said == "Outside the window 22:00–06:00 UTC; it opens Thu 2026-01-15 22:00 UTC."


def test_what_a_dead_controller_left_running_is_seen_to_outside_of_the_window_too():
    assert at(NOON, told(*at_work())) is None


def test_one_that_has_finished_is_told_from_one_whose_budget_was_raised():
    history = told(finished(MIDNIGHT))
    assert "all 9 trials have been tried" in why_finished(history, file_of())
    assert why_finished(history, file_of(trials=10)) is None
    assert at(MIDNIGHT, history, file=file_of(trials=10)) is None
    assert why_finished(told(), file_of()) is None


def test_without_a_window_a_schedule_goes_on_with_what_has_died_and_not_with_what_was_ended():
    without = file_of(window=None)
    assert at(NOON, told(*at_work(), file=without), file=without) is None
    ended = told(drained(MIDNIGHT), file=without)
    assert "start a run by hand to continue sooner" in at(NOON, ended, file=without)
    assert at(NOON, ended, file=without, by_schedule=False) is None
