"""Each kind of parameter knows its values, its distances and its spelling as text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign.parameters import (
    CategoricalParameter,
    FixedParameter,
    FloatParameter,
    IntParameter,
    OrdinalParameter,
)

FLOAT = FloatParameter(kind="float", low=0.001, high=10.0, scale="log")
INT = IntParameter(kind="int", low=-5, high=15)
ORDINAL = OrdinalParameter(kind="ordinal", choices=(15, 31, 63))
CATEGORICAL = CategoricalParameter(kind="categorical", choices=("a", True, 2))
FIXED = FixedParameter(kind="fixed", value="gbdt")


@given(a=st.floats(0.001, 10), b=st.floats(0.001, 10))
def test_on_a_logarithmic_scale_the_distance_is_a_share_of_the_decades(a: float, b: float):
    assert FLOAT.distance(a, b) == pytest.approx(abs(math.log10(a) - math.log10(b)) / 4, abs=1e-12)


def test_distances_are_fractions_of_the_range():
    assert INT.distance(-5, 15) == 1.0
    assert INT.distance(0, 5) == 0.25
    assert ORDINAL.distance(15, 31) == 0.5
    assert (CATEGORICAL.distance("a", 2), CATEGORICAL.distance(2, 2)) == (1.0, 0.0)
    assert FIXED.distance("gbdt", "gbdt") == 0.0


def test_a_range_that_overflows_still_has_distances():
    widest = FloatParameter(kind="float", low=-1.7e308, high=1.7e308)
    assert widest.distance(-1.7e308, 1.7e308) == pytest.approx(1.0)
    assert widest.distance(0.0, 1.7e308) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (FLOAT, " 1e-2 ", 0.01),
        (INT, "7", 7),
        (ORDINAL, "31.0", 31),
        (CATEGORICAL, "TRUE", True),
        (FIXED, "gbdt", "gbdt"),
    ],
)
def test_a_text_spells_a_value_of_the_parameter(parameter, text: str, value):
    assert parameter.canonical(parameter.spelled(text)) == value


def test_a_text_that_spells_two_choices_is_refused():
    both = CategoricalParameter(kind="categorical", choices=("2", 2))
    with pytest.raises(ValueError, match="the text matches 2"):
        both.spelled("2")


@pytest.mark.parametrize(("fixed", "value"), [(True, 1), (1, True), (0, False), (False, 0.0)])
def test_a_truth_value_is_no_number_for_a_fixed_parameter_either(fixed, value):
    with pytest.raises(ValueError, match="the fixed value"):
        FixedParameter(kind="fixed", value=fixed).canonical(value)


def test_only_a_fixed_parameter_is_not_tuned_and_only_categories_have_no_distances():
    kinds = (FLOAT, INT, ORDINAL, CATEGORICAL, FIXED)
    assert [kind.is_tuned for kind in kinds] == [True, True, True, True, False]
    assert [kind.has_distances for kind in kinds] == [True, True, True, False, True]
    assert [kind.is_logarithmic for kind in kinds] == [True, False, False, False, False]


def test_each_kind_is_described_in_words():
    assert FLOAT.described() == "0.001 to 10, log"
    assert INT.described() == "-5 to 15"
    assert ORDINAL.described() == "15, 31, 63"
    assert FIXED.described() == "gbdt"
