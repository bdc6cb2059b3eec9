import math
import re
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st
from told_stories import START

from overnight.campaign.values.duration import parse_duration
from overnight.report.numbers import duration, interval, moment, number, probability, value_text, with_uncertainty

_BACK = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


def read(text: str) -> float:
    """Parse a number as a person would read it."""
    mantissa, _, power = text.translate(_BACK).replace(",", "").partition(" × 10")
    return float(f"{mantissa}e{power or 0}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.1, "0.1"),
        (9.99999, "10"),
        (-0.000123456, "−0.0001235"),
        (123456.7, "123,457"),
        (1e9, "1 × 10⁹"),
        (1.23456e-7, "1.235 × 10⁻⁷"),
    ],
)
def test_a_number_has_four_significant_digits_and_no_idle_zeros(value: float, text: str):
    assert number(value) == text


@given(st.floats(min_value=-1e308, max_value=1e308))
def test_any_number_reads_back_to_four_digits(value: float):
    assert math.isclose(read(number(value)), value, rel_tol=1e-3, abs_tol=5e-324)


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [
        (0.604, 1.4, ("0.604", "1.4")),
        (5.7, 583.0, ("5.7", "583")),
        (2.9996, 3.0004, ("2.9996", "3.0004")),
        (3.1449, 3.1451, ("3.1449", "3.1451")),
        (99.99961, 100.00044, ("99.99961", "100.00044")),
        (199.18, 200.82, ("199.2", "200.8")),
        (-3.0004, -2.9996, ("−3.0004", "−2.9996")),
        (1.5e12, 1.50001e12, ("1.5 × 10¹²", "1.50001 × 10¹²")),
        (0.0, 0.0, ("0", "0")),
        (0.0, 1.2345678e-9, ("0", "1.23 × 10⁻⁹")),
        (-1.7e308, 1.7e308, ("−1.7 × 10³⁰⁸", "1.7 × 10³⁰⁸")),
    ],
)
def test_an_interval_has_the_digits_of_its_width(low: float, high: float, ends: tuple[str, str]):
    assert interval(low, high) == ends


@given(st.lists(st.floats(min_value=-1e300, max_value=1e300), min_size=3, max_size=3).map(sorted))
def test_the_ends_of_an_interval_differ_from_each_other_and_from_the_mean(numbers: list[float]):
    low, mean, high = numbers
    texts = interval(low, high, mean)
    assert (texts[0] == texts[1]) == (low == high)
    for end, text in zip((low, high), texts, strict=True):
        assert math.isclose(read(text), end, rel_tol=6e-3, abs_tol=5e-324)
        assert low == high or abs(read(text) - end) <= 0.06 * (high - low) + 4 * math.ulp(end)


def test_an_end_that_almost_is_the_mean_has_another_text():
    assert interval(2.0, 3.0, 2.99999) == ("2", "3")
    assert interval(2.0, 2.99999, 3.0) == ("2", "2.99999")


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (0.069512, 0.00421, "0.0695 ± 0.0042"),
        (1657.4, 23.0, "1,657 ± 23"),
        (-3.0, 0.5, "−3.00 ± 0.50"),
        (2.5, None, "2.5"),
        (2.5, 0.0, "2.5"),
        (0.0, 0.25, "0.00 ± 0.25"),
        (1.5e12, 2e10, "(1.500 ± 0.020) × 10¹²"),
        (3.2e-9, 4e-10, "(3.20 ± 0.40) × 10⁻⁹"),
        (0.00321, 0.00012, "0.00321 ± 0.00012"),
        (0.003584, 5.7e-5, "0.003584 ± 0.000057"),
        (0.003584, 5.7e-6, "(3.5840 ± 0.0057) × 10⁻³"),
        (0.999, 0.0995, "1.00 ± 0.10"),
        (2.999711, 4.1e-5, "2.999711 ± 0.000041"),
    ],
)
def test_the_uncertainty_has_two_digits_and_the_mean_ends_where_it_does(mean: float, sd: float | None, text: str):
    assert with_uncertainty(mean, sd) == text


@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(min_value=0, allow_nan=False, allow_infinity=False),
)
def test_any_mean_and_uncertainty_can_be_said_in_few_words(mean: float, sd: float):
    assert len(with_uncertainty(mean, sd)) < 48


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "more than 99.9 %"),
        (0.9995, "more than 99.9 %"),
        (0.995, "99.5 %"),
        (0.43, "43 %"),
        (0.004, "0.4 %"),
        (0.0, "less than 0.1 %"),
    ],
)
def test_a_probability_never_claims_certainty(value: float, text: str):
    assert probability(value) == text


@given(st.floats(min_value=0, max_value=1))
def test_a_probability_is_never_said_to_be_0_or_100_per_cent(value: float):
    assert not re.fullmatch(r"(0|0\.0|100|100\.0) %", probability(value))


@given(st.floats(min_value=0.01, max_value=1e7))
def test_a_duration_reads_back_to_two_per_cent(seconds: float):
    assert parse_duration(duration(seconds).replace(" ", "")).total_seconds() == pytest.approx(seconds, rel=0.02)


def test_values_are_written_as_in_the_campaign_file():
    assert [value_text(v) for v in (True, False, "off", 1234567, 0.123456789)] == [
        "true",
        "false",
        "off",
        "1234567",
        "0.12346",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1550.125, "1,550.125"),
        (0.123456, "0.123456"),
        (1550.1253417712, "1,550.1"),
        (0.9999990123456789, "0.99999901235"),
        (0.99, "0.99"),
        (1.0 - 2**-53, "1"),
        (1.0, "1"),
    ],
)
def test_a_number_that_a_person_would_write_is_exact_and_one_just_below_1_is_not_rounded_to_1(value, text):
    assert value_text(value) == text


def test_a_moment_names_its_time_zone():
    assert moment(START, UTC) == "2026-11-03 21:00 UTC"
