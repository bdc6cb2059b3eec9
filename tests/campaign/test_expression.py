"""Metrics calculated from others, compared with Python's own arithmetic."""

import math
import random

import pytest

from overnight.campaign import Measurement
from overnight.campaign.goal.calculated import calculated_from
from overnight.campaign.values.expression import is_expression, read_expression

VALUES = {"a": 3.0, "b": 0.5, "p99-ms": 7.0, "val/loss": 2.0, "c": -4.0, "größe": 10.0}


def measured(**more):
    return {name: Measurement(mean=value) for name, value in (VALUES | more).items()}


def calculated(text):
    return calculated_from(read_expression(text), measured()).mean


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a + 0.1 * b", 3.05),
        ("a - b - 1", 1.5),
        ("a - (b - 1)", 3.5),
        ("a / b / 2", 3.0),
        ("2 * a ** 2 ** 0.5", 2 * 3 ** (2**0.5)),
        ("-a ** 2 * 1", -9.0),
        ("2 ** -b * 1", 2**-0.5),
        ("-a + b", -2.5),
        ("a * -b", -1.5),
        ("p99-ms + val/loss", 9.0),
        ("p99-ms - val/loss", 5.0),
        ("log(a) + exp(b) - sqrt(val/loss)", math.log(3) + math.exp(0.5) - math.sqrt(2)),
        ("max(a, b, 7 * 1) - min(a, b)", 6.5),
        ("abs(c - 60) * 1", 64.0),
        ("1e-3*a+2", None),
        ("größe * 2.", 20.0),
        (" ( a+1 * b ) ", None),
        ("(a + 1)*(b + 1)", 6.0),
    ],
)
def test_an_expression_has_the_value_of_ordinary_arithmetic(text, value):
    if value is None:
        with pytest.raises(ValueError, match="expected"):
            calculated(text)
    else:
        assert calculated(text) == pytest.approx(value, rel=1e-15)


def test_random_sums_products_and_powers_are_calculated_as_python_does():
    draw = random.Random(5)

    def some(depth):
        if depth == 0:
            return draw.choice(["a", "b", "c", f"{draw.uniform(0.5, 2):.3f}"])
        left, right = some(depth - 1), some(draw.randrange(depth))
        operator = draw.choice([" + ", " - ", " * ", " / ", "*"])
        inside = f"{left}{operator}{right}"
        return draw.choice([f"({inside})", inside, f"abs({inside})", f"max({left}, {right})"])

    for _ in range(300):
        text = f"{some(3)} + 0 * a"
        try:
            expected = eval(text, {"abs": abs, "max": max}, VALUES)
        except ZeroDivisionError:
            continue
        assert calculated(text) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a +", "expected a number or the name of a metric, got the end"),
        ("a + * b", "got '*'"),
        ("a b * 2", "expected an operator between two values, got 'b'"),
        ("(a + b", "expected `)`, got the end"),
        ("a + b)", "expected an operator between two values, got ')'"),
        (
            "tanh(a) + b",
            "expected one of abs, ceil, cos, exp, floor, log, log10, log2, max, min, sin, sqrt, tan before `(`, "
            "got 'tanh'",
        ),
        ("__import__('os') * 1", "got '__import__'"),
        ("max(a) * 1", "expected two or more values in `max(…)`, got 1"),
        ("log(a, b) * 1", "expected one value in `log(…)`, got 2"),
        ("1 + 2", "expected the name of a metric, got only numbers"),
        ("a * 1/3", "got '1/3' in 'a * 1/3'; write spaces around"),
        ("a * 1e400", "expected a finite number, got '1e400'"),
        ("a + 1 / 0", "expected a finite value of each part without names, got none in 'a + 1 / 0'"),
        ("1e300 * 1e300 * a", "expected a finite value of each part without names"),
        ("a * (10 ** 400)", "expected a finite value of each part without names"),
        ("log(0) + a", "expected a finite value of each part without names"),
        ("a ** (2 - (0 - 1) ** 0.5)", "expected a finite value of each part without names"),
        ("(" * 60 + "a" + ")" * 60 + " * 2", "expected at most 50 brackets"),
        ("a + " * 400 + "b", "expected at most 1000 characters"),
    ],
)
def test_a_text_that_is_no_calculation_is_refused_with_what_was_expected_and_found(text, said):
    with pytest.raises(ValueError, match="expected") as refused:
        read_expression(text)
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["latency", "p99-ms", "val/loss", "loss (log)", "accuracy (top 1)", "+x", "a-b/c"])
def test_a_name_with_signs_but_without_spaces_around_them_is_no_expression(name):
    assert not is_expression(name)


@pytest.mark.parametrize(("text", "value"), [("log(a)", math.log(3)), ("abs(c)", 4.0), ("a − b", 2.5), ("a × 2", 6.0)])
def test_a_function_alone_and_typographic_signs_are_calculations(text, value):
    assert is_expression(text)
    assert calculated(text) == pytest.approx(value)


def test_each_metric_is_named_once_in_the_order_of_the_text():
    assert read_expression("b + a * b - log(p99-ms)").names == ("b", "a", "p99-ms")


def test_a_value_that_is_missing_or_not_finite_is_refused_with_the_numbers():
    with pytest.raises(ValueError, match="expected `d` for `a \\+ d \\* 2`, found none"):
        calculated("a + d * 2")
    for text in ("log(c) * 1", "a / (b - 0.5)", "exp(1000 * a)", "c ** 0.5"):
        with pytest.raises(ValueError, match="expected a finite value of"):
            calculated(text)


def test_the_standard_error_of_a_linear_expression_adds_the_weighted_errors_in_squares():
    known = {"a": Measurement(mean=3, sem=0.4), "b": Measurement(mean=5, sem=0.3), "c": Measurement(mean=1)}
    assert calculated_from(read_expression("2 * a - b + 1"), known).sem == pytest.approx(math.hypot(0.8, 0.3))
    assert calculated_from(read_expression("2 * a - b + c"), known).sem is None, "an error that is unknown is not 0"


@pytest.mark.parametrize("text", ["abs(a)", " abs( (a - 3) * abs(c) ) ", "abs(a**2)"])
def test_a_call_that_is_the_whole_calculation_is_outermost(text):
    assert read_expression(text).outermost == "abs"


@pytest.mark.parametrize("text", ["abs(a) - abs(c)", "-abs(a)", "abs(a) ** 3", "2 * abs(a)", "(a - abs(c))"])
def test_a_call_that_is_a_part_of_the_calculation_is_not_outermost(text):
    assert read_expression(text).outermost is None


@pytest.mark.parametrize(("text", "sem"), [("abs(a - 3)", 0.4), ("(a - 3) ** 2", 0.16)])
def test_a_noisy_metric_on_its_target_does_not_make_an_exact_value(text, sem):
    assert calculated_from(read_expression(text), {"a": Measurement(mean=3, sem=0.4)}).sem == pytest.approx(sem)


def test_an_error_that_reaches_beyond_the_domain_counts_on_the_other_side_alone():
    found = calculated_from(read_expression("log(a)"), {"a": Measurement(mean=0.1, sem=0.2)})
    assert (found.mean, found.sem) == (math.log(0.1), pytest.approx(math.log(3)))


def test_the_standard_error_of_a_product_is_that_of_many_draws():
    known = {"a": Measurement(mean=3, sem=0.1), "b": Measurement(mean=5, sem=0.05)}
    draw = random.Random(1)
    products = [draw.gauss(3, 0.1) * draw.gauss(5, 0.05) for _ in range(40_000)]
    middle = sum(products) / len(products)
    sd = math.sqrt(sum((each - middle) ** 2 for each in products) / len(products))
    assert calculated_from(read_expression("a * b"), known).sem == pytest.approx(sd, rel=0.02)
