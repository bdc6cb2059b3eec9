"""The starts of a deployed campaign, computed from Prefect's own schedules as its scheduler does."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from prefect.schedules import Schedule
from prefect.server.schemas.schedules import CronSchedule, RRuleSchedule

from overnight.campaign.window import Window
from overnight.flows.engine.deployment import AGAIN, schedules_of

AN_HOUR, A_DAY = timedelta(hours=1), timedelta(days=1)

# Each with the day whose noon, in UTC, is before the nights: ordinary nights, and nights in which clocks change.
WINDOWS = [
    ("22:00–06:00 Europe/Berlin", None, "2026-01-14"),
    ("22:00–06:00 Europe/Berlin", None, "2026-03-27"),
    ("22:00–06:00 Europe/Berlin", None, "2026-10-23"),
    ("22:00–06:00 Europe/Berlin", ["fri", "sun"], "2026-10-21"),
    ("23:53–02:11 Europe/Berlin", ["sat"], "2026-03-26"),
    ("00:30–05:15 America/New_York", ["sat"], "2026-10-29"),
    ("18:45–23:00 Asia/Kolkata", ["mon", "tue"], "2026-06-28"),
    ("22:37–22:36 UTC", None, "2026-12-30"),
    ("22:50–02:20 Australia/Lord_Howe", None, "2026-04-03"),
    ("21:07–07:08 Australia/Lord_Howe", None, "2026-10-02"),
    ("12:00–12:05 Asia/Tokyo", ["sun"], "2026-02-27"),
]


async def planned(schedules: list[Schedule], start: datetime, end: datetime) -> list[datetime]:
    """Return the starts of runs: Prefect's scheduler regularly asks for the next three and for those of an hour."""
    due: set[datetime] = set()
    for written in schedules:
        schedule = (
            CronSchedule(cron=written.cron, timezone=written.timezone)
            if written.cron
            else RRuleSchedule(rrule=written.rrule, timezone=written.timezone)
        )
        asked = start
        while asked < end:
            found = await schedule.get_dates(3, asked) + await schedule.get_dates(100, asked, asked + AN_HOUR)
            due |= {datetime.fromtimestamp(moment.timestamp(), UTC) for moment in found}
            asked += AN_HOUR / 2
    return sorted(moment for moment in due if start <= moment < end)


@pytest.mark.slow
@pytest.mark.parametrize(("text", "days", "day"), WINDOWS)
async def test_a_campaign_is_started_at_each_opening_and_again_and_again_until_its_window_closes(text, days, day):
    window = Window.model_validate(text)
    window = window.model_copy(update={"days": tuple(days)}) if days else window
    noon = datetime.fromisoformat(f"{day}T12:00Z")
    due = await planned(schedules_of(window, noon), noon, noon + 6 * A_DAY)
    openings = [window.next_opening(noon)]
    while openings[-1] < noon + 4 * A_DAY:
        openings.append(window.next_opening(openings[-1]))
    for opens in openings[:-1]:
        closes = window.closes(opens)
        starts = [moment for moment in due if opens <= moment < closes]
        assert starts[0] == opens
        assert max(later - earlier for earlier, later in pairwise([*starts, closes])) <= AGAIN
    assert [moment for moment in due if not window.is_open(moment)] == []


async def test_a_deployment_that_is_made_in_the_night_in_which_an_hour_is_there_twice_knows_of_the_second():
    window, night = Window.model_validate("22:00–06:00 Europe/Berlin"), datetime(2026, 10, 25, tzinfo=UTC)
    due = await planned(schedules_of(window, night), night, night + timedelta(hours=4))
    assert {later - earlier for earlier, later in pairwise(due)} == {AGAIN}


@pytest.mark.parametrize(
    ("text", "noon_before", "early", "opens"),
    [
        ("02:30–06:00 Europe/Berlin", "2026-03-28T12:00", "2026-03-29T00:30", "2026-03-29T01:00"),
        ("00:30–06:00 Africa/Cairo", "2026-04-23T12:00", "2026-04-23T21:30", "2026-04-23T22:00"),
        ("02:15–06:00 Australia/Lord_Howe", "2026-10-03T12:00", "2026-10-03T15:15", "2026-10-03T15:30"),
    ],
)
async def test_a_start_in_an_hour_that_is_skipped_comes_when_the_clocks_have_gone_on(text, noon_before, early, opens):
    moment, first, expected = (datetime.fromisoformat(f"{time}Z") for time in (noon_before, early, opens))
    window = Window.model_validate(text)
    due = await planned(schedules_of(window, moment), moment, moment + A_DAY)
    assert window.next_opening(moment) == expected
    assert due[0] == first
    assert next(start for start in due if start >= expected) == expected
    assert all(expected - start <= AN_HOUR for start in due)


def test_hours_that_share_their_minutes_share_a_line_of_cron():
    window = Window.model_validate("22:07–06:10 UTC")
    lines = [schedule.cron for schedule in schedules_of(window, datetime(2026, 1, 1, tzinfo=UTC))]
    assert lines == ["7,22,37,52 22,23,0,1,2,3,4,5 * * *", "7 6 * * *"]


def test_the_hours_after_midnight_belong_to_the_day_after_the_one_on_which_a_window_opens():
    window = Window.model_validate({"from": "23:00", "to": "01:00", "zone": "UTC", "days": ["fri", "sun"]})
    lines = [schedule.cron for schedule in schedules_of(window, datetime(2026, 1, 1, tzinfo=UTC))]
    assert lines == ["0,15,30,45 23 * * fri,sun", "0,15,30,45 0 * * sat,mon"]
