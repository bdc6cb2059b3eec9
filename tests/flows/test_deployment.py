from datetime import UTC, datetime, timedelta

import pytest
from prefect.server.schemas.schedules import CronSchedule

from campaign.window import Window
from flows.deployment import schedule_of


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
    written = schedule_of(window)
    planned = await CronSchedule(cron=written.cron, timezone=written.timezone).get_dates(9, start)
    expected = [window.next_opening(start)]
    for _ in planned[1:]:
        expected.append(window.next_opening(expected[-1]))
    assert [moment.astimezone(UTC) for moment in planned] == expected
    assert len(planned) == 9


async def test_a_start_in_an_hour_that_is_there_twice_falls_into_the_window():
    day, window = datetime(2026, 10, 24, 12, tzinfo=UTC), Window.model_validate("02:30–06:00 Europe/Berlin")
    written = schedule_of(window)
    planned = await CronSchedule(cron=written.cron, timezone=written.timezone).get_dates(3, day)
    in_that_night = [moment for moment in planned if moment < day + timedelta(days=1)]
    assert any(window.is_open(moment) for moment in in_that_night)
