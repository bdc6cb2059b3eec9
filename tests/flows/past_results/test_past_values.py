"""The parameter decides the value of a text; a missing number gives no measurement."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign import Measurement
from overnight.campaign.parameters import (
    BoolParameter,
    CategoricalParameter,
    FixedParameter,
    FloatParameter,
    IntParameter,
)
from overnight.flows.past_results.values import measurement_of, value_of

NUMBER = FloatParameter(kind="float", low=-1e308, high=1e308)
WHOLE = IntParameter(kind="int", low=-(2**53), high=2**53)
SWITCH = BoolParameter(kind="bool")
STEPPED = FloatParameter(kind="float", low=0, high=1, step=0.05)
TENS = IntParameter(kind="int", low=0, high=100, step=10)
MIXED = CategoricalParameter(kind="categorical", choices=("rye", "3.0", True, 4, 2.5, "", 2**70))


@given(st.floats(-1e308, 1e308))
def test_a_number_is_read_as_it_was_written(number):
    assert repr(value_of(NUMBER, repr(number))) == repr(number)


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_read_as_it_was_written(number):
    assert value_of(WHOLE, str(number)) == number


@pytest.mark.parametrize("choice", MIXED.choices)
def test_a_choice_is_read_as_itself_and_as_its_text(choice):
    assert repr(value_of(MIXED, choice)) == repr(choice)
    assert repr(value_of(MIXED, str(choice))) == repr(choice)


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (WHOLE, "3.0", 3),
        (WHOLE, " 1e3 ", 1000),
        (NUMBER, "3", 3.0),
        (MIXED, "TRUE", True),
        (MIXED, "4.0", 4),
        (MIXED, "2.50", 2.5),
        (SWITCH, "true", True),
        (SWITCH, "FALSE", False),
        (SWITCH, True, True),
        (STEPPED, "0.15000000000000002", 0.15),
        (STEPPED, "1", 1.0),
        (TENS, "20.0", 20),
        (FixedParameter(kind="fixed", value=1.0), "1", 1.0),
        (FixedParameter(kind="fixed", value="1"), "1", "1"),
    ],
)
def test_other_spellings_of_a_value_are_understood(parameter, text, value):
    assert repr(value_of(parameter, text)) == repr(value)


@pytest.mark.parametrize(
    ("parameter", "found", "expected"),
    [
        (WHOLE, "3.5", "a whole number"),
        (WHOLE, "1_0", "a whole number"),
        (WHOLE, "", "a whole number"),
        (NUMBER, "nan", "a number"),
        (NUMBER, "inf", "a number"),
        (NUMBER, True, "a number"),
        (SWITCH, "1", "true or false"),
        (SWITCH, 0, "true or false"),
        (STEPPED, "0.17", "the nearest are 0.15 and 0.2"),
        (TENS, "25", "the nearest are 20 and 30"),
        (NUMBER, None, "a number"),
        (MIXED, "barley", "one of 'rye'"),
        (MIXED, None, "one of 'rye'"),
        (CategoricalParameter(kind="categorical", choices=(1, "1")), "1", "of which the text matches 2"),
        (FixedParameter(kind="fixed", value="stone"), "steel", "the fixed value 'stone'"),
    ],
)
def test_what_is_no_value_says_what_was_expected(parameter, found, expected):
    with pytest.raises(ValueError, match=expected):
        value_of(parameter, found)


@pytest.mark.parametrize(
    ("mean", "sem", "measured"),
    [
        ("0.5", "0.25", Measurement(mean=0.5, sem=0.25)),
        (0.5, None, Measurement(mean=0.5)),
        ("1e3", "", Measurement(mean=1000.0)),
        ("2", float("nan"), Measurement(mean=2.0)),
        (Decimal("0.5"), 0, Measurement(mean=0.5, sem=0.0)),
        ("", "0.5", None),
        (" ", None, None),
        (None, None, None),
        ("NaN", None, None),
        (float("nan"), None, None),
    ],
)
def test_a_measurement_is_read_and_a_missing_one_is_none(mean, sem, measured):
    assert measurement_of(mean, sem) == measured


@pytest.mark.parametrize(
    ("mean", "sem", "said"),
    [
        ("good", None, "finite number as mean, got 'good'"),
        ("-inf", None, "finite number as mean"),
        (1, "-1", "a sem of 0 or more, got -1"),
    ],
)
def test_what_is_no_measurement_says_what_was_expected(mean, sem, said):
    with pytest.raises(ValueError, match=said):
        measurement_of(mean, sem)
