"""The rule for results: requested metrics with valid values are kept, the rest is noted."""

import json
import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch

from overnight.campaign import Measurement
from overnight.campaign.evaluation import read_measurement
from overnight.campaign.result import (
    LARGEST_METADATA,
    LONGEST_METRIC_NAME,
    LONGEST_NOTE,
    MOST_EXTRA_METRICS,
    MOST_NOTES,
    bounded,
    read_artifacts,
    read_cost,
    read_metadata,
    read_metrics,
)


@pytest.mark.parametrize(
    "junk", [math.nan, "warm start", None, [1, 2, 3], {"a": 1}, pytest.param(10**5000, id="huge"), (1.0, -1.0)]
)
def test_a_metric_that_nobody_asked_for_never_costs_the_ones_that_were_asked_for(junk: object):
    read = read_metrics({"loss": 0.5, "junk": junk, "f1": 0.9}, asked=("loss",))
    assert read.metrics == {"loss": Measurement(mean=0.5), "f1": Measurement(mean=0.9)}
    assert read.problem is None
    [note] = read.notes
    assert note.startswith("metric `junk` was ignored: expected a ")
    assert len(note) <= LONGEST_NOTE


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ({"tps": 1}, "expected the metric `loss`, found `tps`"),
        ({}, "expected the metric `loss`, found none"),
        ({"loss": math.nan}, "metric `loss`: expected a finite number as mean, got nan"),
        ({"loss": [1, -1]}, "metric `loss`: expected a sem of 0 or more, got -1"),
    ],
)
def test_a_metric_that_was_asked_for_is_there_and_well_or_named(found: dict[str, object], problem: str):
    assert read_metrics(found, asked=("loss",)).problem == problem


def test_every_problem_of_what_was_asked_for_is_named_at_once():
    problem = read_metrics({"loss": math.inf}, asked=("loss", "p99")).problem
    assert problem == (
        "expected the metric `p99`, found `loss`; metric `loss`: expected a finite number as mean, got inf"
    )


@pytest.mark.parametrize(
    ("found", "notes"),
    [
        ({"loss": 1}, ()),
        ({"loss": 1, "p99": math.nan}, ("metric `p99` was ignored: expected a finite number as mean, got nan",)),
        ({"loss": 1, "p99": None}, ("metric `p99` was ignored: expected a finite number as mean, got None",)),
    ],
)
def test_an_optional_metric_that_is_missing_or_unusable_costs_itself_alone(found: dict[str, object], notes: object):
    read = read_metrics(found, asked=("loss", "p99"), optional=("p99",))
    assert (read.metrics, read.problem, read.notes) == ({"loss": Measurement(mean=1)}, None, notes)


def test_the_reason_against_an_optional_metric_is_the_first_of_many_notes():
    read = read_metrics({f"m{i}": "x" for i in range(99)} | {"p99": -math.inf, "loss": 1}, ("loss", "p99"), ("p99",))
    assert read.notes[0] == "metric `p99` was ignored: expected a finite number as mean, got -inf"
    assert len(read.notes) == MOST_NOTES + 1


def test_a_result_without_a_required_metric_keeps_the_others_and_names_every_problem():
    read = read_metrics({"size": 2, "p99": 3, "hide": math.nan}, ("loss", "p99", "hide"), ("p99", "hide"))
    assert read.metrics == {"size": Measurement(mean=2), "p99": Measurement(mean=3)}
    assert read.problem == (
        "expected the metric `loss`, found `size`, `p99`, `hide`; "
        "metric `hide`: expected a finite number as mean, got nan"
    )
    assert read.notes == ()


def test_an_optional_metric_is_never_among_those_beyond_the_limits():
    long, many = "p" * (LONGEST_METRIC_NAME + 1), {f"m{number}": number for number in range(MOST_EXTRA_METRICS)}
    read = read_metrics(many | {long: 1, "loss": 1}, asked=("loss", long), optional=(long,))
    assert (len(read.metrics), read.notes) == (MOST_EXTRA_METRICS + 2, ())


def test_a_report_is_asked_for_nothing_so_each_metric_stands_for_itself():
    read = read_metrics({"loss": 0.5, "grad_norm": math.nan}, asked=())
    assert (read.metrics, read.problem) == ({"loss": Measurement(mean=0.5)}, None)
    assert read.notes == ("metric `grad_norm` was ignored: expected a finite number as mean, got nan",)


def test_metrics_beyond_the_limit_are_noted_and_those_asked_for_do_not_count():
    many = {f"m{number}": number for number in range(MOST_EXTRA_METRICS + 30)} | {"loss": 1, "x" * 300: 2}
    read = read_metrics(many, asked=("loss",))
    assert len(read.metrics) == MOST_EXTRA_METRICS + 1
    assert "loss" in read.metrics
    assert len(read.notes) == MOST_NOTES + 1
    assert read.notes[-1] == "and 11 more of this kind"
    assert any(f"at most {LONGEST_METRIC_NAME} characters" in note for note in read.notes)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (math.nan, "expected a finite number as cost, got nan"),
        (-5, "expected a cost of 0 or more, got -5"),
        ("3 EUR", "expected a finite number as cost, got '3 EUR'"),
        ({}, "expected a finite number as cost, got {}"),
    ],
)
def test_a_cost_that_is_none_is_refused_with_a_note(value: object, says: str):
    cost, [note] = read_cost(value)
    assert cost is None
    assert note == f"`cost` was refused, so the cost of this evaluation is unknown: {says}"


def test_a_cost_of_zero_or_more_is_taken_and_nothing_states_nothing():
    assert (read_cost(0), read_cost(2.5), read_cost(None)) == ((0.0, ()), (2.5, ()), (None, ()))


def test_artifacts_that_are_names_are_kept_beside_those_that_are_not():
    assert read_artifacts(["a", 3, None, "b"])[0] == ("a", "b")
    assert "2 of 4 `artifacts`" in read_artifacts(["a", 3, None, "b"])[1][0]
    assert read_artifacts("model.pt") == ((), ("`artifacts` were ignored: expected a list of texts, got 'model.pt'",))
    assert read_artifacts(None) == ((), ())
    kept, notes = read_artifacts(["x"] * 5000)
    assert (len(kept), notes) == (1000, ("`artifacts`: expected at most 1000, found 5000",))


def test_metadata_that_cannot_be_kept_is_noted():
    assert read_metadata({"a": [1, math.inf]}) == ({"a": [1, math.inf]}, ())
    assert read_metadata(None) == ({}, ())
    tree: list[object] = []
    for _ in range(200):
        tree = [tree]
    circle: dict[str, object] = {}
    circle["circle"] = circle
    for value, says in (
        ([1], "expected an object, got [1]"),
        ({"tree": tree}, "at most 100 deep"),
        (circle, "at most 100 deep"),
        ({"a": object()}, "not JSON serializable"),
        ({"a": "x" * LARGEST_METADATA}, f"expected at most {LARGEST_METADATA} bytes of JSON"),
    ):
        kept, [note] = read_metadata(value)
        assert kept == {}
        assert note.startswith("`metadata` was ignored: ")
        assert says in note


def test_metadata_right_at_the_limit_is_kept():
    room = LARGEST_METADATA - len(json.dumps({"a": ""}))
    assert read_metadata({"a": "x" * room})[1] == ()
    assert read_metadata({"a": "x" * (room + 1)})[1] != ()


def test_notes_are_few_and_short():
    assert bounded(["a"] * MOST_NOTES) == ("a",) * MOST_NOTES
    assert bounded(["a"] * (MOST_NOTES + 3))[-1] == "and 3 more of this kind"
    assert len(bounded(["x" * 9000])[0]) <= LONGEST_NOTE + 2


@pytest.mark.parametrize(
    "number",
    [np.float32(0.5), np.array(0.5), Decimal("0.5"), Fraction(1, 2), torch.tensor(0.5)],
)
def test_numbers_of_other_libraries_are_numbers(number: object):
    assert read_measurement(number) == Measurement(mean=0.5)


@pytest.mark.parametrize(
    "value",
    [
        np.array([1.0, 2.0]),
        torch.tensor([1.0, 2.0]),
        1 + 2j,
        np.complex64(1 + 2j),
        Decimal("sNaN"),
        pytest.param(10**5000, id="huge"),
    ],
)
def test_what_is_no_single_real_number_is_no_measurement(value: object):
    with pytest.raises(ValueError, match="expected a finite number as mean, got "):
        read_measurement(value)
