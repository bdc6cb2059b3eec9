"""Durations: people's notations are read, and written durations are read back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from overnight.campaign.values.duration import Duration, format_duration

read = TypeAdapter(Duration).validate_python


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("2h30m", 9000),
        ("2H 30M ", 9000),
        ("1d", 86400),
        ("1.5h", 5400),
        (90, 90),
        (0.5, 0.5),
    ],
)
def test_what_people_write_is_read(written, seconds):
    assert read(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize("written", ["", "5 minutes", "1x", "h", "-3s", "1h and 2m", "0s", 0, -1, "0.0h", float("nan")])
def test_what_is_no_duration_above_zero_is_refused(written):
    with pytest.raises(ValidationError):
        read(written)


def test_the_refusal_shows_what_could_be_written():
    with pytest.raises(ValidationError, match="expected a duration such as 90s, 15m, 2h30m or 1d, got 'soon'"):
        read("soon")


@given(st.integers(min_value=1, max_value=10**9))
def test_whole_seconds_survive_being_written(seconds):
    assert read(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@given(st.integers(min_value=1, max_value=59_999))
def test_below_a_minute_milliseconds_survive_being_written(milliseconds):
    assert read(format_duration(milliseconds / 1000)) == timedelta(milliseconds=milliseconds)


@given(st.floats(min_value=60, max_value=1e9))
def test_above_a_minute_it_is_written_to_the_nearest_second(seconds):
    assert read(format_duration(seconds)) == timedelta(seconds=round(seconds))


@given(st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=10_000)))
def test_the_number_in_json_is_exact(duration):
    adapter = TypeAdapter(Duration)
    assert adapter.validate_json(adapter.dump_json(duration)) == duration


@pytest.mark.parametrize("written", [float("inf"), float("nan"), "999999999999d"])
def test_a_duration_beyond_all_measure_is_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="duration"):
        TypeAdapter(Duration).validate_python(written)
