"""Rows hold events exactly, with any numbers and names in them."""

import struct
from datetime import UTC, datetime

import pytest
from event_samples import NOON, sample, started
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overnight.campaign import Measurement
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import AttemptStarted, Event, TrialObserved, TrialProposed
from overnight.storage.segments.event_rows import rows_of
from overnight.storage.segments.segment_file import GENESIS, checked_events, decode, encode

finite = st.floats(allow_nan=False, allow_infinity=False)
values = st.booleans() | st.integers() | finite | st.text()
means = st.builds(Measurement, mean=finite, sem=st.none() | finite.map(abs))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def through_a_file(event: Event) -> Event:
    file = decode(encode(1, [event], GENESIS).data, 1, "a file")
    checked_events([file])
    [read] = file.events
    return read


def bits(value: object) -> object:
    return struct.pack("d", value) if isinstance(value, float) else value


@settings(deadline=None)
@given(st.dictionaries(st.text(), values))
@example({"one": 1, "yes": True, "whole": 1.0, "zero": -0.0, "text": "1", "edge": 2**63 - 1, "beyond": 2**63})
@example({"low": -(2**63), "lower": -(2**63) - 1, "smallest": 5e-324})
def test_points_keep_their_order_types_and_bits(point):
    read = through_a_file(TrialProposed(time=NOON, actor="a", trial=1, point=point, generator="sobol"))
    assert isinstance(read, TrialProposed)
    assert [(n, type(v), bits(v)) for n, v in read.point.items()] == [(n, type(v), bits(v)) for n, v in point.items()]


@settings(deadline=None)
@given(st.dictionaries(st.text(), means), finite, st.none() | finite, st.dictionaries(st.text(), json_values))
def test_results_keep_their_bits(metrics, seconds, cost, metadata):
    event = TrialObserved(
        time=NOON, actor="a", trial=1, attempt=1, metrics=metrics, seconds=seconds, cost=cost, metadata=metadata
    )
    read = through_a_file(event)
    assert repr(read) == repr(event)


@settings(deadline=None)
@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.timezones()))
def test_times_are_kept_as_instants_to_the_microsecond(moment):
    event = started(1).model_copy(update={"time": moment, "deadline": moment})
    read = through_a_file(event)
    assert isinstance(read, AttemptStarted)
    # Both are converted to UTC: in the hour that a clock repeats, times of two zones are never equal.
    assert (read.time, read.deadline) == (moment.astimezone(UTC), moment.astimezone(UTC))


def test_a_time_without_its_zone_is_refused():
    event = started(1).model_copy(update={"time": NOON.replace(tzinfo=None)})
    with pytest.raises(LedgerError, match="`time`: expected a time with its zone"):
        encode(1, [event], GENESIS)


def test_what_json_cannot_say_is_refused_by_the_name_of_its_event():
    event = TrialObserved(time=NOON, actor="a", trial=9, attempt=1, metrics={}, metadata={"when": NOON})
    with pytest.raises(LedgerError, match=r"trial_observed/9/1.*expected a value that JSON can represent"):
        encode(1, [event], GENESIS)


def test_what_people_ask_for_is_in_columns():
    row, observed = rows_of([sample("trial_proposed"), sample("trial_observed")], 7).to_pylist()
    assert (row["segment"], row["position"], row["kind"], row["trial"]) == (7, 0, "trial_proposed", 2**62)
    heat, turns = row["parameters"][:2]
    assert heat == {"name": "heat", "number": 1.0, "integer": None, "text": None, "flag": None}
    assert turns == {"name": "turns", "number": None, "integer": 1, "text": None, "flag": None}
    assert row["metrics"] is None
    assert observed["metrics"][0] == {"name": "burnt", "mean": 1 / 3, "sem": None, "n": None}
    assert observed["parameters"] is None


def test_half_a_character_is_replaced_and_nothing_is_lost_for_it():
    event = TrialObserved(time=NOON, actor="a", trial=9, attempt=1, metrics={}, metadata={"said": "\ud83d!"})
    read = through_a_file(event)
    assert isinstance(read, TrialObserved)
    assert read.metadata == {"said": "?!"}
