from datetime import UTC, datetime, timedelta

import pytest
from prefect.server.schemas.schedules import CronSchedule, RRuleSchedule

from campaign.window import Window
from flows.deployment import schedules_of


@pytest.mark.parametrize(
    ("text", "days", "start"),
    [
        ("22:00–06:00 Europe/Berlin", None, datetime(2026, 3, 26, tzinfo=UTC)),
        ("22:00–06:00 Europe/Berlin", ["fri", "sun"], datetime(2026, 10, 20, tzinfo=UTC)),
        ("00:30–05:15 America/New_York", ["sat"], datetime(2026, 10, 20, tzinfo=UTC)),
        ("18:45–23:00 Asia/Kolkata", ["mon", "tue"], datetime(2026, 7, 1, tzinfo=UTC)),
    ],
)
async def test_prefect_starts_a_campaign_when_its_window_opens_also_after_clocks_were_changed(text, days, start):
    window = Window.model_validate(text)
    window = window.model_copy(update={"days": tuple(days)}) if days else window
    [written] = schedules_of(window, start)
    planned = await CronSchedule(cron=written.cron, timezone=written.timezone).get_dates(9, start)
    expected = [window.next_opening(start)]
    for _ in planned[1:]:
        expected.append(window.next_opening(expected[-1]))
    assert [moment.astimezone(UTC) for moment in planned] == expected
    assert len(planned) == 9


async def test_a_start_in_an_hour_that_is_there_twice_falls_into_the_window():
    day, window = datetime(2026, 10, 24, 12, tzinfo=UTC), Window.model_validate("02:30–06:00 Europe/Berlin")
    written, *_ = schedules_of(window, day)
    planned = await CronSchedule(cron=written.cron, timezone=written.timezone).get_dates(3, day)
    in_that_night = [moment for moment in planned if moment < day + timedelta(days=1)]
    assert any(window.is_open(moment) for moment in in_that_night)


@pytest.mark.parametrize(
    ("text", "noon_before", "early", "opens"),
    [
        ("02:30–06:00 Europe/Berlin", "2026-03-28T12:00", "2026-03-29T00:30", "2026-03-29T01:00"),
        ("00:30–06:00 Africa/Cairo", "2026-04-23T12:00", "2026-04-23T21:30", "2026-04-23T22:00"),
        ("02:15–06:00 Australia/Lord_Howe", "2026-10-03T12:00", "2026-10-03T15:15", "2026-10-03T15:30"),
    ],
)
async def test_a_start_in_an_hour_that_is_skipped_comes_when_the_clocks_have_gone_on(text, noon_before, early, opens):
    moment, planned, expected = (datetime.fromisoformat(f"{time}Z") for time in (noon_before, early, opens))
    window = Window.model_validate(text)
    daily, skipped = schedules_of(window, moment)
    by_cron = await CronSchedule(cron=daily.cron, timezone=daily.timezone).get_dates(1, moment)
    by_dates = await RRuleSchedule(rrule=skipped.rrule, timezone=skipped.timezone).get_dates(20, moment)
    starts = [datetime.fromtimestamp(start.timestamp(), UTC) for start in by_dates]
    assert (by_cron, starts[0], window.next_opening(moment)) == ([planned], expected, expected)
    assert not window.is_open(planned)
    assert len(starts) == 10
    assert all(window.next_opening(start - timedelta(seconds=1)) == start for start in starts)
