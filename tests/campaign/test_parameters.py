"""Each kind of parameter knows its values, its distances and its spelling as text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign.parameters import (
    BoolParameter,
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
BOOL = BoolParameter(kind="bool")
SHARE = FloatParameter(kind="float", low=0, high=1, step=0.05)
BATCH = IntParameter(kind="int", low=8, high=1024, step=8, scale="log")
DROPOUT = FloatParameter(kind="float", low=0.001, high=0.999, scale="logit")
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
        (BOOL, "true", True),
        (BOOL, " False ", False),
        (SHARE, "0.15000000000000002", 0.15),
        (BATCH, "24.0", 24),
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


def test_only_a_fixed_parameter_is_not_tuned_and_only_categories_and_switches_have_no_distances():
    kinds = (FLOAT, INT, ORDINAL, CATEGORICAL, BOOL, FIXED)
    assert [kind.is_tuned for kind in kinds] == [True, True, True, True, True, False]
    assert [kind.has_distances for kind in kinds] == [True, True, True, False, False, True]
    assert [kind.is_logarithmic for kind in kinds] == [True, False, False, False, False, False]


def test_each_kind_is_described_in_words():
    assert FLOAT.described() == "0.001 to 10, log"
    assert INT.described() == "-5 to 15"
    assert ORDINAL.described() == "15, 31, 63"
    assert FIXED.described() == "gbdt"
    assert BOOL.described() == "false, true"
    assert SHARE.described() == "0 to 1 in steps of 0.05"
    assert BATCH.described() == "8 to 1024 in steps of 8, log"
    assert DROPOUT.described() == "0.001 to 0.999, logit"


@pytest.mark.parametrize("found", [0, 1, 1.0, "true", None])
def test_only_true_and_false_are_values_of_a_switch(found):
    with pytest.raises(ValueError, match=r"^true or false$"):
        BOOL.canonical(found)
    assert (BOOL.canonical(True), BOOL.canonical(False)) == (True, False)


def test_a_number_that_rounding_moved_off_its_step_is_put_back():
    assert [SHARE.canonical(i * 0.05) for i in range(21)] == [i * 5 / 100 for i in range(21)]
    assert SHARE.canonical(0.05 + 0.1) == 0.15
    assert SHARE.canonical(0.15000000596046448) == 0.15, "a float32"
    assert SHARE.canonical(1.0000000000000002) == 1.0
    assert type(SHARE.canonical(1)) is float
    assert type(BATCH.canonical(24.0)) is int


@pytest.mark.parametrize(
    ("parameter", "found", "expected"),
    [
        (SHARE, 0.12, r"a number between 0 and 1 in steps of 0.05 \(the nearest are 0.1 and 0.15\)"),
        (SHARE, 0.9999, r"in steps of 0.05 \(the nearest are 0.95 and 1\)"),
        (SHARE, 1.2, "a number between 0 and 1 in steps of 0.05$"),
        (SHARE, math.nan, "a number between 0 and 1 in steps of 0.05$"),
        (SHARE, True, "a number between 0 and 1 in steps of 0.05$"),
        (BATCH, 20, r"a whole number between 8 and 1024 in steps of 8 \(the nearest are 16 and 24\)"),
        (BATCH, 4, "a whole number between 8 and 1024 in steps of 8$"),
    ],
)
def test_a_number_between_two_steps_is_refused_and_both_are_named(parameter, found, expected: str):
    with pytest.raises(ValueError, match=expected):
        parameter.canonical(found)


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4), st.integers(1, 10**5), st.integers(-12, 12), st.data())
def test_every_value_of_a_step_is_its_decimal_number_however_it_was_computed(first, stride, last, places, data):
    low, step, high = (float(f"{n}e{-places}") for n in (first, stride, first + last * stride))
    parameter = FloatParameter(kind="float", low=low, high=high, step=step)
    i = data.draw(st.integers(0, last))
    exact = float(f"{first + i * stride}e{-places}")
    assert parameter.grid is not None
    assert parameter.grid[i] == exact
    assert parameter.canonical(exact) == parameter.canonical(low + i * step) == exact
    assert parameter.canonical(high - (last - i) * step) == exact
    if i < last:
        with pytest.raises(ValueError, match="the nearest are"):
            parameter.canonical(low + (i + 0.4) * step)


def test_a_grid_of_ints_is_not_that_of_equal_floats():
    number = {"low": 0, "high": 10, "step": 5}
    whole, real = IntParameter(kind="int", **number), FloatParameter(kind="float", **number)
    assert [type(v) for v in (*(whole.grid or ()), *(real.grid or ()))] == [int] * 3 + [float] * 3


def test_steps_of_a_range_that_overflows_are_divided_evenly():
    widest = FloatParameter(kind="float", low=-1.6e308, high=1.6e308, step=8e307)
    assert list(widest.grid or ()) == [-1.6e308, -8e307, 0.0, 8e307, 1.6e308]
    assert widest.canonical(8e307) == 8e307


@given(a=st.floats(0.001, 0.999), b=st.floats(0.001, 0.999))
def test_on_a_logit_scale_the_distance_is_a_share_of_the_odds(a: float, b: float):
    odds = [math.log(p / (1 - p)) for p in (a, b, 0.001, 0.999)]
    assert DROPOUT.distance(a, b) == pytest.approx(abs(odds[0] - odds[1]) / (odds[3] - odds[2]), abs=1e-12)
    assert DROPOUT.distance(1 - a, 1 - b) == pytest.approx(DROPOUT.distance(a, b), abs=1e-12)
    assert DROPOUT.distance(0.001, 0.999) == 1.0
