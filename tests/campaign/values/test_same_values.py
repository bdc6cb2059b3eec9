"""One rule each decides what a number is, which values are the same, and which calculated numbers are equal."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from overnight.bo_core.data.calculations import holds
from overnight.campaign.values.comparison import read_comparison
from overnight.campaign.values.numbers import are_equal, is_number, is_same, is_whole

VALUES = [0, 1, 1.0, 0.5, True, False, "1", "a", None, [1], math.inf]


def test_true_and_false_are_no_numbers():
    assert [value for value in VALUES if is_number(value)] == [0, 1, 1.0, 0.5, math.inf]
    assert [value for value in VALUES if is_whole(value)] == [0, 1]
    assert not is_number(True)
    assert not is_whole(True)


def test_a_number_is_the_same_as_an_equal_number_and_never_as_true_or_false():
    assert is_same(1, 1.0)
    assert is_same("a", "a")
    assert is_same(True, True)
    assert not is_same(True, 1)
    assert not is_same(0.0, False)


@pytest.mark.parametrize("apart", [0.2, 0.9, 1.1, 1.9, 2.1, 100.0])
@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 3.0, 1e6, -7.0])
def test_a_point_and_the_features_of_many_points_are_judged_alike(apart: float, size: float):
    """Brute force: within a billionth of the larger one, or of 1."""
    values = {"a": size, "b": size + apart * 1e-9 * max(1.0, abs(size))}
    equality = read_comparison("a == b")
    [pair] = equality.pairs
    tensors = {name: torch.tensor([value], dtype=torch.float64) for name, value in values.items()}
    assert equality.holds(values) == bool(holds(pair, tensors, torch.zeros(1, 1))) == (apart < 1.0)


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_equality_is_symmetric(one: float, other: float):
    assert are_equal(one, other) == are_equal(other, one)
    assert are_equal(one, one)
