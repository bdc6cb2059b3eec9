from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from overnight.campaign.window import Window

A_MINUTE, A_DAY = timedelta(minutes=1), timedelta(days=1)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

# A zone and a date on which its clocks change, or an ordinary date. One zone skipped a whole day, one changes at
# midnight.
CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29)),
    ("Europe/Berlin", date(2026, 10, 25)),
    ("America/New_York", date(2026, 3, 8)),
    ("America/New_York", date(2026, 11, 1)),
    ("Australia/Lord_Howe", date(2026, 4, 5)),
    ("Australia/Lord_Howe", date(2026, 10, 4)),
    ("America/Havana", date(2025, 3, 9)),
    ("America/Havana", date(2025, 11, 2)),
    ("America/St_Johns", date(2010, 11, 7)),
    ("Pacific/Apia", date(2011, 12, 30)),
    ("Asia/Kolkata", date(2026, 7, 1)),
    ("UTC", date(2026, 12, 31)),
]

times = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")
early_times = st.tuples(st.integers(0, 3), st.integers(0, 59)).map(lambda t: f"{t[0]:02}:{t[1]:02}")


def window(text: str, **more: object) -> Window:
    times, zone = text.split(" ")
    opens, shuts = times.split("–")
    return Window.model_validate({"from": opens, "to": shuts, "zone": zone, **more})


@cache
def wall_clock(zone: str, around: date) -> list[tuple[datetime, datetime]]:
    """Return each minute of nine days as (instant, local time in the zone)."""
    first = datetime(around.year, around.month, around.day, tzinfo=UTC) - 4 * A_DAY
    instants = [first + i * A_MINUTE for i in range(9 * 24 * 60)]
    return [(instant, instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for instant in instants]


def first_shown(minutes: list[tuple[datetime, datetime]], wall: datetime) -> datetime:
    return next(instant for instant, shown in minutes if shown >= wall)


def intervals(asked: Window, around: date) -> list[tuple[datetime, datetime]]:
    """Return the intervals in which the window is open around a date, found by checking the wall clock every minute."""
    minutes = wall_clock(asked.zone, around)
    found = []
    for distance in range(-2, 3):
        day = around + distance * A_DAY
        last = day if asked.shuts > asked.opens else day + A_DAY
        start = first_shown(minutes, datetime.combine(day, asked.opens))
        end = first_shown(minutes, datetime.combine(last, asked.shuts))
        if start < end and DAYS[day.weekday()] in asked.days:
            found.append((start, end))
    return found


@given(
    st.sampled_from(CHANGES),
    st.one_of(times, early_times),
    st.one_of(times, early_times),
    st.sets(st.sampled_from(DAYS), min_size=1),
    st.integers(-1440, 1440 * 2),
)
def test_a_window_is_open_when_the_clock_on_the_wall_says_so_also_when_clocks_are_changed(
    change, opens, shuts, days, minute
):
    zone, day = change
    assume(opens != shuts)
    asked = window(f"{opens}–{shuts} {zone}", days=sorted(days))
    open_then = intervals(asked, day)
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) + minute * A_MINUTE
    # The oracle does not see intervals that begin or end outside the days that it checks.
    assume(abs(moment - datetime(day.year, day.month, day.day, 12, tzinfo=UTC)) < timedelta(hours=20))
    opened, closes = next(((start, end) for start, end in open_then if start <= moment < end), (None, None))
    assert (asked.opened(moment), asked.closes(moment)) == (opened, closes)
    assert asked.is_open(moment) == (closes is not None)
    later = [start for start, _ in open_then if start > moment]
    if later:
        assert asked.next_opening(moment) == later[0]
    else:
        assert asked.next_opening(moment) > moment


def test_the_hours_of_the_year_add_up_to_those_of_its_nights():
    asked = window("22:00–06:00 Europe/Berlin")
    moment, nights = datetime(2026, 1, 1, 12, tzinfo=UTC), []
    for _ in range(365):
        opening = asked.next_opening(moment)
        closing = asked.closes(opening)
        assert closing is not None
        nights.append(closing - opening)
        moment = closing
    hours = [night.total_seconds() / 3600 for night in nights]
    assert sorted(set(hours)) == [7, 8, 9]
    assert (hours.count(7), hours.count(9)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "moment", "opens", "closes"),
    [
        # 02:30 is skipped: the window opens when the clocks jump to 03:00.
        ("02:30–05:00 Europe/Berlin", "2026-03-29T00:00", "2026-03-29T01:00", "2026-03-29T03:00"),
        # 02:30 occurs twice: the first one counts.
        ("02:30–05:00 Europe/Berlin", "2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T04:00"),
        ("22:00–02:30 Europe/Berlin", "2026-10-24T18:00", "2026-10-24T20:00", "2026-10-25T00:30"),
        # The whole window is skipped: it does not open that night.
        ("02:10–02:50 Europe/Berlin", "2026-03-28T12:00", "2026-03-30T00:10", "2026-03-30T00:50"),
    ],
)
def test_what_is_skipped_or_there_twice_is_decided(text, moment, opens, closes):
    def instant(written: str) -> datetime:
        return datetime.fromisoformat(written).replace(tzinfo=UTC)

    asked = window(text)
    opening = asked.next_opening(instant(moment))
    assert opening == instant(opens)
    assert asked.closes(opening) == instant(closes)
    assert not asked.is_open(instant(closes))


@given(st.integers(0, 6), st.integers(0, 10_000))
def test_a_window_of_one_day_opens_once_a_week(day, hours):
    asked = window("22:00–06:00 UTC", days=[DAYS[day]])
    first = asked.next_opening(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
    openings = [first]
    for _ in range(3):
        openings.append(asked.next_opening(openings[-1]))
    assert {later - earlier for earlier, later in pairwise(openings)} == {7 * A_DAY}
    assert {opening.weekday() for opening in openings} == {day}


@pytest.mark.parametrize(
    "text", ["22:00–06:00 Europe/Berlin", "22:00-06:00 Europe/Berlin", " 22:00 – 6:00  Europe/Berlin"]
)
def test_a_window_is_read_as_people_write_it(text):
    read = Window.model_validate(text)
    assert read == window("22:00–06:00 Europe/Berlin")
    assert str(read) == "22:00–06:00 Europe/Berlin"
    assert read.length == timedelta(hours=8)


def test_a_window_comes_back_from_its_own_json():
    asked = window("09:30–17:00 Asia/Kolkata", days=["sat", "mon"], running="stop")
    assert Window.model_validate_json(asked.model_dump_json()) == asked
    assert Window.model_validate(asked.model_dump()) == asked
    assert str(asked) == "09:30–17:00 Asia/Kolkata on mon, sat"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("22:00–06:00", "expected a window such as"),
        ("ten to six Europe/Berlin", "expected a window such as"),
        (22, "expected a window such as"),
        ("22:00–24:00 UTC", "expected a time of day such as 22:00, got '24:00'"),
        ("22:00–06:61 UTC", "expected a time of day such as 22:00, got '06:61'"),
        ("22:00–06:00 Europe/Berlyn", "did you mean `Europe/Berlin`?"),
        ("22:00–06:00 ../../etc/passwd", "expected the name of a time zone"),
        ("22:00–06:00 Europe", "expected the name of a time zone"),
        ("06:00–06:00 UTC", "expected a window between two different times"),
        ({"from": "22:00", "to": "06:00", "zone": "UTC", "days": []}, "at least 1"),
        ({"from": "22:00", "to": "06:00", "zone": "UTC", "days": ["caturday"]}, "'sun'"),
        ({"from": "22:00", "to": "06:00", "zone": "UTC", "running": "kill"}, "'finish' or 'stop'"),
        ({"from": "22:00", "to": "06:00", "zone": 1}, "valid string"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_saying_what_was_expected(asked, said):
    with pytest.raises(ValidationError) as refusal:
        Window.model_validate(asked)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("moment", "start"),
    [
        ("2026-11-03T21:59", "2026-11-03T22:00"),
        ("2026-11-03T22:00", "2026-11-03T22:15"),
        ("2026-11-03T22:07", "2026-11-03T22:15"),
        ("2026-11-03T22:30", "2026-11-04T22:00"),
        ("2026-11-03T22:39", "2026-11-04T22:00"),
        ("2026-11-03T22:41", "2026-11-04T22:00"),
    ],
)
def test_a_deployed_campaign_starts_when_its_window_opens_and_every_quarter_of_an_hour_while_it_is_open(moment, start):
    found = window("22:00–22:40 UTC").next_start(datetime.fromisoformat(f"{moment}+00:00"))
    assert found == datetime.fromisoformat(f"{start}+00:00")
