"""Measurements as people and programs write them."""

import math
from typing import get_args

import pytest

from overnight.campaign import EvaluationFailed, EvaluationSucceeded, Measurement
from overnight.campaign.evaluation import Cause, cause_text, read_measurement


@pytest.mark.parametrize(
    ("written", "mean", "sem", "n"),
    [
        (1.5, 1.5, None, None),
        (2, 2.0, None, None),
        ((1.5, 0.1), 1.5, 0.1, None),
        ([1.5, 0], 1.5, 0.0, None),
        ([1.5, None], 1.5, None, None),
        ({"mean": -1}, -1.0, None, None),
        ({"mean": -1, "sem": 0.2}, -1.0, 0.2, None),
        ({"mean": -1, "sem": 0.2, "n": 500}, -1.0, 0.2, 500),
        ({"mean": -1, "n": 500.0}, -1.0, None, 500),
        ({"mean": -1, "n": 2**63 - 1}, -1.0, None, 2**63 - 1),
    ],
)
def test_a_number_a_pair_or_a_mapping_is_a_measurement(written, mean, sem, n):
    assert read_measurement(written) == Measurement(mean=mean, sem=sem, n=n)


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (math.nan, "expected a finite number as mean, got nan"),
        (-math.inf, "expected a finite number as mean"),
        ("1.5", "expected a finite number as mean, got '1.5'"),
        (None, "expected a finite number as mean, got None"),
        ((1, 2, 3), "expected a finite number as mean"),
        ({"mean": 1, "std": 2}, "expected a finite number as mean"),
        ({"sem": 1}, "expected a finite number as mean"),
        ((1, math.nan), "expected a finite number as sem, got nan"),
        ((1, -0.1), "expected a sem of 0 or more, got -0.1"),
        ({"mean": 1, "n": 0}, "expected a whole number of 1 or more as n, got 0"),
        ({"mean": 1, "n": 2.5}, "expected a whole number of 1 or more as n, got 2.5"),
        ({"mean": 1, "n": True}, "expected a whole number of 1 or more as n, got True"),
        ({"mean": 1, "n": 2**63}, "expected a whole number of 1 or more as n"),
        ({"mean": 1, "n": "many"}, "expected a finite number as n, got 'many'"),
    ],
)
def test_anything_else_is_refused_with_what_was_found(written, says):
    with pytest.raises(ValueError, match=says):
        read_measurement(written)


def test_a_message_with_half_a_character_can_still_be_written_down() -> None:
    failed = EvaluationFailed(cause="configuration", message="bad \ud800 text")
    assert failed.message.encode("utf-8") == b"bad ? text"


def test_a_whole_number_beyond_floating_point_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="finite"):
        read_measurement(10**400)


def test_metadata_and_artifacts_with_half_characters_can_still_be_written_down() -> None:
    found = EvaluationSucceeded(metrics={}, artifacts=("\ud800.log",), metadata={"\udfff": ["\ud800", {"a": "\ud800"}]})
    assert found.artifacts == ("?.log",)
    assert found.metadata == {"?": ["?", {"a": "?"}]}
    assert EvaluationSucceeded.model_validate_json(found.model_dump_json()) == found


def test_metadata_that_could_not_be_read_again_is_refused() -> None:
    tree: list[object] = []
    for _ in range(200):
        tree = [tree]
    with pytest.raises(ValueError, match=r"metadata\n.*at most 100 deep"):
        EvaluationSucceeded(metrics={}, metadata={"tree": tree})


def test_every_cause_has_words_for_people_and_an_evaluators_error_does_not_sound_like_the_campaigns_file():
    words = {cause: cause_text(cause) for cause in get_args(Cause)}
    assert words["configuration"] == "evaluator error"
    assert all(text.replace(" ", "").isalpha() for text in words.values())
