"""The features of a space with conditions and constraints agree with its points, one by one."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.bo_core.search.quasi_random import uniform_draws
from overnight.campaign.space import Space

FLOAT = {"kind": "float", "low": 0.0, "high": 1.0}
DEEP = {
    "layers": {"kind": "int", "low": 1, "high": 4},
    "width": {"kind": "int", "low": 8, "high": 512, "scale": "log", "when": "layers >= 3"},
    "wide": {"kind": "categorical", "choices": ["a", "b", "c"], "when": "width > 100"},
    "rate": {"kind": "float", "low": 1e-4, "high": 1.0, "scale": "log"},
    "momentum": {**FLOAT, "when": ["rate <= 0.01", {"layers": [1, 3]}]},
    "level": {"kind": "ordinal", "choices": [1, 2, 8], "when": {"wide": ["a", "c"]}},
    "cost": {"kind": "derived", "value": "layers * rate + 1"},
    "fixed": {"kind": "fixed", "value": 3, "when": "layers < 4"},
}
SPACES = {
    "deep": Space.of(DEEP),
    "deep and limited": Space.of(DEEP, ["cost <= 2", "log2(width) + layers <= 11", "fixed * momentum <= 1.5"]),
    "mixture": Space.of(dict.fromkeys("abc", FLOAT), ["a + b + c == 1", "a**2 + b**2 <= 0.5"]),
    "two equalities": Space.of(
        {"n": {"kind": "int", "low": 0, "high": 9}, "m": {"kind": "int", "low": 0, "high": 9}, "x": FLOAT, "y": FLOAT},
        ["n + m == 11", "x + y == 0.1 * n"],
    ),
    "all kinds": Space.of(
        {
            "nesterov": {"kind": "bool"},
            "batch": {"kind": "int", "low": 16, "high": 512, "step": 16, "scale": "log"},
            "half": {**FLOAT, "step": 0.05, "when": {"nesterov": True}},
            "dropout": {"kind": "float", "low": 0.001, "high": 0.999, "scale": "logit", "when": "batch >= 32"},
            "keep": {"kind": "float", "low": 0.001, "high": 0.999, "scale": "logit"},
        },
        ["dropout + half <= 1.1", "batch * keep >= 8 + 4 * nesterov"],
    ),
    "a single value": Space.of(
        {"x": FLOAT, "y": DEEP["rate"], "z": FLOAT, "n": {"kind": "int", "low": 0, "high": 9}, "m": {"kind": "bool"}},
        ["x + y == 1", "x - y == 0.5", "n == 3", "z + m <= 1.5"],
    ),
    "huge": Space.of({"n": {"kind": "int", "low": 0, "high": 2**53}, "x": {**FLOAT, "when": "n >= 3"}}),
    "logarithmic": Space.of({"a": DEEP["rate"], "b": DEEP["rate"], "c": DEEP["rate"]}, ["a + b + c == 0.5", "a >= b"]),
}


@pytest.mark.parametrize("name", SPACES)
def test_features_of_many_points_and_the_points_one_by_one_agree(name):
    space = SPACES[name]
    encoding = Encoding(space)
    assert encoding.region is not None
    X = encoding.spread(uniform_draws(encoding.k, 512, seed=1))
    inside = encoding.region.contains(X)
    points = [encoding.decode(x) for x in X]
    assert [point is not None for point in points] == inside.tolist()
    kept = [point for point in points if point is not None]
    assert len(kept) > 5
    torch.testing.assert_close(encoding.encode(kept), X[inside], rtol=0, atol=1e-12)
    for point in kept:
        assert not space.problems(point)
        assert encoding.decode(encoding.encode([point])[0]) == pytest.approx(point)


@pytest.mark.parametrize("name", SPACES)
def test_settling_twice_is_settling_once(name):
    encoding = Encoding(SPACES[name])
    assert encoding.region is not None
    X = torch.rand(64, encoding.d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    once = encoding.snap(X)
    torch.testing.assert_close(encoding.snap(once), once, rtol=0, atol=1e-12)
    torch.testing.assert_close(encoding.region.settled(once), once, rtol=0, atol=1e-12)


def test_a_point_without_a_parameter_is_as_far_from_both_ends_as_they_are_from_each_other():
    encoding = Encoding(
        Space.of({"on": {"kind": "categorical", "choices": ["yes", "no"]}, "x": {**FLOAT, "when": {"on": "yes"}}})
    )
    X = encoding.encode([{"on": "yes", "x": 0.0}, {"on": "yes", "x": 1.0}, {"on": "no"}])[:, encoding.slices["x"]]
    units = torch.tensor(encoding.columns["x"].units)
    assert torch.cdist(X / units, X / units)[0, 1:].tolist() == pytest.approx([1.0, 1.0])
    assert torch.cdist(X / units, X / units)[1, 2].item() == pytest.approx(1.0)


def test_no_choice_is_as_far_from_every_choice_as_two_choices_are():
    choices = {"kind": "categorical", "choices": ["a", "b", "c"]}
    encoding = Encoding(Space.of({"on": {"kind": "ordinal", "choices": [0, 1]}, "x": {**choices, "when": {"on": 1}}}))
    points = [{"on": 1, "x": "a"}, {"on": 1, "x": "b"}, {"on": 1, "x": "c"}, {"on": 0}]
    X = encoding.encode(points)[:, encoding.slices["x"]] / torch.tensor(encoding.columns["x"].units)
    assert torch.pdist(X).tolist() == pytest.approx([1.0] * 6)


def test_the_length_scale_of_a_conditional_parameter_is_one():
    encoding = Encoding(SPACES["deep"])
    groups = encoding.groups(hamming=True)
    assert groups.count == len(encoding.columns)
    log_scales = groups.log_scales(torch.zeros(groups.count, dtype=torch.float64))
    units = [unit for column in encoding.columns.values() for unit in column.units]
    assert log_scales.exp().tolist() == pytest.approx(units)


@pytest.mark.parametrize("name", SPACES)
def test_gradients_of_what_is_exceeded_are_those_of_small_differences(name):
    encoding = Encoding(SPACES[name])
    region = encoding.region
    assert region is not None
    X = encoding.spread(uniform_draws(encoding.k, 16, seed=3)).clamp(0.05, 0.95)
    free = X.clone().requires_grad_()
    _, excess = region.settled_with_excess(free)
    if not excess.requires_grad:
        return
    [gradient] = torch.autograd.grad(excess.sum(), free)
    step = 1e-6
    for j in encoding.mask_of("continuous").nonzero().flatten().tolist():
        there = torch.zeros(encoding.d, dtype=torch.float64)
        there[j] = step
        above, below = (region.settled_with_excess(X + sign * there)[1] for sign in (1, -1))
        slopes = (above - below).sum(1) / (2 * step)
        # A parameter that becomes active within the step changes the value by a jump.
        smooth = (slopes.abs() < 1e3) & (gradient[:, j].abs() < 1e3)
        torch.testing.assert_close(gradient[smooth, j], slopes[smooth], rtol=1e-4, atol=1e-6)


def test_every_point_of_a_finite_space_is_found_once():
    number = {"kind": "int", "low": 0, "high": 3}
    space = Space.of({"a": number, "b": {**number, "when": "a >= 2"}, "c": number}, ["a + c <= 4"])
    found = {key_of(point) for point in Encoding(space).every_point()}
    expected = set()
    for a, b, c in itertools.product(range(4), repeat=3):
        if a + c <= 4:
            expected.add(key_of({"a": a, "b": b, "c": c} if a >= 2 else {"a": a, "c": c}))
    assert found == expected
    assert Encoding(space).size() == len(expected) == len(Encoding(space).every_point())


@settings(deadline=None)
@given(st.data())
def test_neighbours_are_allowed_points_that_differ(data):
    space = SPACES["deep and limited"]
    encoding = Encoding(space)
    u = data.draw(st.lists(st.floats(0, 1), min_size=encoding.k, max_size=encoding.k))
    if (point := encoding.point_at(u)) is None:
        return
    around = encoding.neighbours(point)
    assert len({key_of(each) for each in around}) == len(around)
    for each in around:
        assert each != point
        assert not space.problems(each)


def test_calculated_values_follow_a_step():
    number = {"kind": "int", "low": 0, "high": 5}
    twice = {"kind": "derived", "value": "2 * a + b"}
    space = Space.of({"a": number, "b": number, "c": number, "twice": twice}, ["a + b + c == 6"])
    around = Encoding(space).neighbours(space.point({"a": 2, "b": 2, "c": 2}))
    assert {(each["a"], each["b"]) for each in around} == {
        (1, 2),
        (3, 2),
        (0, 2),
        (4, 2),
        (2, 1),
        (2, 3),
        (2, 0),
        (2, 4),
    }
    assert all(each["twice"] == 2 * each["a"] + each["b"] for each in around)
    assert all(each["c"] == 6 - each["a"] - each["b"] for each in around)
