import math
import sys
from collections import Counter
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from told_campaigns import MIXED

from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.campaign import Point, Space
from overnight.campaign.errors import ModelFailed


def space_of(**parameters: Any) -> Space:
    return Space.of(parameters)


CHOICES = st.lists(
    st.one_of(st.text(max_size=4), st.integers(2, 99), st.booleans()), min_size=2, max_size=6, unique=True
)
SCALES = st.sampled_from(["linear", "log"])
ALL_SCALES = ("linear", "log", "logit")


@st.composite
def floats(draw: DrawFn) -> dict[str, Any]:
    scale = draw(SCALES)
    low = draw(st.floats(1e-6, 1e6) if scale == "log" else st.floats(-1e6, 1e6))
    return {"kind": "float", "low": low, "high": low + abs(low) * draw(st.floats(0.01, 1e3)) + 1e-6, "scale": scale}


@st.composite
def ints(draw: DrawFn) -> dict[str, Any]:
    scale = draw(SCALES)
    low = draw(st.integers(1, 10**6) if scale == "log" else st.integers(-(10**6), 10**6))
    return {"kind": "int", "low": low, "high": low + draw(st.integers(1, 10**6)), "scale": scale}


@st.composite
def shares(draw: DrawFn) -> dict[str, Any]:
    low, high = sorted(draw(st.lists(st.floats(1e-6, 0.9), min_size=2, max_size=2)))
    # Floats are so coarse next to 1 that a value there has features accurate to a few digits only.
    return {"kind": "float", "low": low, "high": high + 0.0999, "scale": "logit"}


@st.composite
def stepped(draw: DrawFn) -> dict[str, Any]:
    """Return a number with a step whose bounds are multiples of a power of ten, as a person writes them."""
    kind, scale = draw(st.sampled_from([("int", "linear"), ("int", "log"), *(("float", s) for s in ALL_SCALES)]))
    last, stride = draw(st.integers(1, 400)), draw(st.integers(1, 20))
    first = draw(st.integers(1, 500) if scale != "linear" else st.integers(-500, 500))
    if kind == "int":
        return {"kind": kind, "low": first, "high": first + last * stride, "step": stride, "scale": scale}
    # On a logit scale, everything lies below 1.
    places = 5 if scale == "logit" else draw(st.integers(-3, 6))
    low, high, step = (float(f"{n}e{-places}") for n in (first, first + last * stride, stride))
    return {"kind": kind, "low": low, "high": high, "step": step, "scale": scale}


def choices(kind: str) -> SearchStrategy[dict[str, Any]]:
    return CHOICES.map(lambda values: {"kind": kind, "choices": values})


@st.composite
def spaces_and_points(draw: DrawFn) -> tuple[Space, Point]:
    kinds = st.one_of(
        floats(), ints(), shares(), stepped(), st.just({"kind": "bool"}), choices("categorical"), choices("ordinal")
    )
    parameters = draw(st.lists(kinds, min_size=1, max_size=5))
    space = space_of(**{f"p{i}": p for i, p in enumerate(parameters)}, always={"kind": "fixed", "value": "x"})
    return space, space.point({f"p{i}": draw(values_of(p)) for i, p in enumerate(parameters)})


def values_of(parameter: dict[str, Any]) -> SearchStrategy[Any]:
    if "step" in parameter:
        steps = round((parameter["high"] - parameter["low"]) / parameter["step"])
        return st.integers(0, steps).map(lambda i: parameter["low"] + i * parameter["step"])
    match parameter["kind"]:
        case "bool":
            return st.booleans()
        case "float":
            return st.floats(parameter["low"], parameter["high"])
        case "int":
            return st.integers(parameter["low"], parameter["high"])
    return st.sampled_from(parameter["choices"])


@given(spaces_and_points())
@settings(max_examples=100, deadline=None)
def test_a_point_becomes_features_in_the_unit_cube_and_the_same_point_again(pair: tuple[Space, Point]) -> None:
    space, point = pair
    encoding = Encoding(space)
    features = encoding.encode([point])[0]
    assert bool(((features >= -1e-12) & (features <= 1.0 + 1e-12)).all())
    again = encoding.decode(features)
    assert list(again) == list(point)
    for name, value in point.items():
        assert type(again[name]) is type(value)
        if space.root[name].geometry == "real":
            low, high = space.root[name].bounds or (0.0, 0.0)
            assert again[name] == pytest.approx(value, rel=1e-9, abs=1e-9 * (high - low))
        else:
            assert again[name] == value


@given(spaces_and_points(), st.lists(st.floats(0, 1), min_size=20, max_size=20))
@settings(max_examples=100, deadline=None)
def test_whatever_the_features_and_coordinates_their_point_lies_in_the_space(
    pair: tuple[Space, Point], numbers: list[float]
) -> None:
    space, _ = pair
    encoding = Encoding(space)
    # `point` refuses values outside the space and leaves those inside unchanged.
    row = torch.tensor((numbers * 2)[: encoding.d], dtype=torch.float64)
    for point in (encoding.decode(row), encoding.decode(3.0 * row - 1.0), encoding.point_at(numbers[: encoding.k])):
        assert space.point(point) == point


@given(spaces_and_points(), st.integers(0, 2**31))
@settings(max_examples=100, deadline=None)
def test_many_uniform_coordinates_spread_to_the_features_of_their_points(pair: tuple[Space, Point], seed: int) -> None:
    encoding = Encoding(pair[0])
    coordinates = torch.rand(20, encoding.k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = encoding.encode([encoding.point_at(row) for row in coordinates.tolist()])
    torch.testing.assert_close(encoding.spread(coordinates), expected, rtol=0.0, atol=1e-9)


@given(spaces_and_points(), st.integers(0, 2**31))
@settings(max_examples=100, deadline=None)
def test_snapping_features_is_encoding_the_points_that_they_decode_to(pair: tuple[Space, Point], seed: int) -> None:
    encoding = Encoding(pair[0])
    X = torch.rand(20, encoding.d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    expected = encoding.encode([encoding.decode(x) for x in X])
    snapped = encoding.snap(X)
    torch.testing.assert_close(snapped, expected, rtol=0.0, atol=1e-9)
    torch.testing.assert_close(encoding.snap(snapped), snapped, rtol=0.0, atol=1e-9)


@given(spaces_and_points())
@settings(max_examples=100, deadline=None)
def test_neighbours_lie_in_the_space_and_differ_in_one_discrete_parameter(pair: tuple[Space, Point]) -> None:
    space, point = pair
    for neighbour in Encoding(space).neighbours(point):
        assert space.point(neighbour) == neighbour
        [changed] = [
            name for name in point if neighbour[name] != point[name] or type(neighbour[name]) is not type(point[name])
        ]
        assert space.root[changed].geometry != "real"


def test_bounds_are_the_corners_of_the_unit_cube() -> None:
    encoding = Encoding(space_of(a={"kind": "float", "low": 1e-3, "high": 10, "scale": "log"}, b=MIXED["width"]))
    assert encoding.encode([{"a": 1e-3, "b": 8}, {"a": 10.0, "b": 256}]).tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_a_logarithmic_whole_number_lies_evenly_by_its_ratio() -> None:
    encoding = Encoding(space_of(width=MIXED["width"]))
    features = encoding.encode([{"width": 8 * 2**i} for i in range(6)])[:, 0]
    torch.testing.assert_close(features, torch.linspace(0, 1, 6, dtype=torch.float64))
    assert encoding.decode(torch.tensor([0.5], dtype=torch.float64)) == {"width": round(math.sqrt(8 * 256))}


def test_uniform_coordinates_give_every_level_of_a_linear_parameter_its_equal_share() -> None:
    encoding = Encoding(space_of(depth={"kind": "int", "low": 1, "high": 4}, batch=MIXED["batch"], way=MIXED["method"]))
    points = [encoding.point_at([(i + 0.5) / 1200] * 3) for i in range(1200)]
    for name, levels in (("depth", 4), ("batch", 4), ("way", 3)):
        values = [point[name] for point in points]
        assert {value: values.count(value) for value in values} == dict.fromkeys(values, 1200 // levels)


def test_neighbours_reach_every_discrete_step_and_leave_continua_alone() -> None:
    encoding = Encoding(Space.of(MIXED))
    point = encoding.space.point(
        {"rate": 0.01, "share": 0.0, "width": 10, "depth": 1, "batch": 32, "method": "sgd", "epochs": 20}
    )
    changed = {(name, n[name]) for n in encoding.neighbours(point) for name in n if n[name] != point[name]}
    assert {value for name, value in changed if name == "width"} == {9, 11, 8, 12, 14, 18, 26, 42, 74, 138}
    assert {value for name, value in changed if name == "depth"} == {2, 3}
    assert {value for name, value in changed if name == "batch"} == {16, 64}
    assert {value for name, value in changed if name == "method"} == {"adam", True}
    assert not {name for name, _ in changed} & {"rate", "share", "epochs"}


def test_every_point_of_a_finite_space_is_there_once() -> None:
    encoding = Encoding(space_of(depth=MIXED["depth"], batch=MIXED["batch"], way=MIXED["method"], fix=MIXED["epochs"]))
    points = encoding.every_point()
    assert encoding.size() == len(points) == 3 * 4 * 3
    assert len({key_of(point) for point in points}) == len(points)
    assert all(encoding.space.point(point) == point for point in points)


def test_a_space_with_a_continuum_has_no_size() -> None:
    assert Encoding(Space.of(MIXED)).size() is None


def test_a_point_is_the_same_in_whatever_order_its_names_come() -> None:
    point = {"a": 1, "b": "x"}
    assert key_of(dict(reversed(point.items()))) == key_of(point)


MOST, LEAST = sys.float_info.max, 5e-324
EXTREME = (LEAST, 1e-310, 1e-308, 1e-9, 1.0, 1.0 + 2**-52, 1e9, 1e308, MOST)
BOUNDS = [
    *((low, high, "log") for low, high in combinations(EXTREME, 2)),
    *((low, high, "linear") for low, high in combinations((*(-x for x in reversed(EXTREME)), 0.0, *EXTREME), 2)),
]


def test_points_and_features_are_finite_and_inside_whatever_the_bounds_are() -> None:
    for low, high, scale in BOUNDS:
        column = {"x": {"kind": "float", "low": low, "high": high, "scale": scale}}
        encoding = Encoding(Space.of(column))
        shares = [0.0, 1e-17, 0.1, 0.5, 0.9, 1.0 - 1e-16, 1.0]
        values = [float(encoding.point_at([u])["x"]) for u in shares]
        assert values == sorted(values)
        # Rounding may make a power of a ratio, or a sum with a low bound, miss its end.
        assert values[0] == pytest.approx(low, rel=1e-9)
        assert values[-1] == pytest.approx(high, rel=1e-9, abs=1e-15 * abs(low))
        for value in (low, *values, high):
            [[feature]] = encoding.encode([{"x": value}]).tolist()
            assert -1e-15 <= feature <= 1.0 + 1e-15, (low, high, scale, value)
            back = float(encoding.decode(torch.tensor([feature], dtype=torch.float64))["x"])
            assert low <= back <= high


def test_whole_numbers_at_the_largest_bounds_stay_inside() -> None:
    plain = [(-(2**53), 2**53, 1, "linear"), (1, 2**53, 1, "log"), (2**53 - 1, 2**53, 1, "linear")]
    stepped = [(-(2**53), 2**53, 2, "linear"), (2, 2**53, 2, "log"), (-(2**53), 2**53, 2**54, "linear")]
    for low, high, step, scale in (*plain, *stepped):
        number = {"kind": "int", "low": low, "high": high, "step": step, "scale": scale}
        encoding = Encoding(Space.of({"n": number}))
        for u in (0.0, 0.3, 0.999999, 1.0):
            point = encoding.point_at([u])
            assert low <= point["n"] <= high
            assert bool(encoding.encode([point]).isfinite().all())
            assert (point["n"] - low) % step == 0
            assert low <= encoding.decode(encoding.spread(torch.tensor([[u]], dtype=torch.float64))[0])["n"] <= high


def test_a_span_that_overflows_is_divided_evenly() -> None:
    encoding = Encoding(Space.of({"x": {"kind": "float", "low": -1.7e308, "high": 1.7e308}}))
    assert [encoding.point_at([u])["x"] for u in (0.25, 0.5, 0.75)] == pytest.approx([-8.5e307, 0.0, 8.5e307])
    encoding = Encoding(space_of(x={"kind": "float", "low": -1.6e308, "high": 1.6e308, "step": 8e307}))
    assert [encoding.point_at([u])["x"] for u in (0.1, 0.3, 0.5, 0.7, 0.9)] == [-1.6e308, -8e307, 0.0, 8e307, 1.6e308]
    assert encoding.spread(torch.tensor([[0.3]], dtype=torch.float64)).tolist() == [[0.25]]
    log = {"x": {"kind": "float", "low": 1e-308, "high": 1e308, "scale": "log"}}
    encoding = Encoding(Space.of(log))
    assert [encoding.point_at([u])["x"] for u in (0.25, 0.5, 0.75)] == pytest.approx([1e-154, 1.0, 1e154])


def test_a_point_that_lacks_a_parameter_has_no_features_and_the_model_says_which_one() -> None:
    encoding = Encoding(space_of(**MIXED))
    whole = encoding.point_at([0.5] * encoding.k)
    partial = {name: value for name, value in whole.items() if name not in ("depth", "batch", "epochs")}
    with pytest.raises(ModelFailed, match=r"without a value of `depth`, `batch`: \{'method': "):
        encoding.encode([whole, partial])
    # A fixed parameter has no features, and what is not there is not needed.
    fixed = {name: value for name, value in whole.items() if name != "epochs"}
    assert torch.equal(encoding.encode([fixed]), encoding.encode([whole]))


def test_the_neighbours_of_a_point_have_the_parameters_that_it_has() -> None:
    encoding = Encoding(space_of(**MIXED))
    whole = encoding.point_at([0.5] * encoding.k)
    partial = {name: value for name, value in whole.items() if name != "method"}
    expected = [point for point in encoding.neighbours(whole) if point["method"] == whole["method"]]
    assert encoding.neighbours(partial) == [
        {name: value for name, value in point.items() if name != "method"} for point in expected
    ]


def test_a_point_without_a_parameter_is_another_point_than_one_with_it() -> None:
    assert key_of({"a": 1}) != key_of({"a": 1, "b": 2})
    assert key_of({"a": 1}) == key_of({"a": 1})


@given(stepped())
@settings(max_examples=200, deadline=None)
def test_the_values_of_a_step_are_the_numbers_that_a_person_would_write(parameter: dict[str, Any]) -> None:
    space = space_of(x=parameter)
    low, step = Decimal(str(parameter["low"])), Decimal(str(parameter["step"]))
    values = [point["x"] for point in Encoding(space).every_point()]
    assert values == [type(parameter["low"])(low + i * step) for i in range(len(values))]
    assert values[-1] == parameter["high"]
    assert all(type(value) is type(parameter["low"]) for value in values)


@given(stepped())
@settings(max_examples=50, deadline=None)
def test_each_value_of_a_step_has_a_cell_of_uniform_numbers_and_the_first_and_the_last_lie_inside_theirs(
    parameter: dict[str, Any],
) -> None:
    encoding = Encoding(space_of(x=parameter))
    column, values = encoding.columns["x"], [point["x"] for point in encoding.every_point()]
    drawn = [encoding.point_at([(i + 0.5) / 1000])["x"] for i in range(1000)]
    first, last = (encoding.point_at([u])["x"] for u in (1 / 8000, 1 - 1 / 8000))
    assert drawn == sorted(drawn)
    assert (first, last) == (values[0], values[-1])
    assert set(drawn) <= set(values)
    if parameter["scale"] == "linear":
        counts = Counter(drawn)
        assert max(counts.values()) - min(counts[value] for value in values) <= 1
    # Neighbours are numbers of steps that double.
    steps = {values.index(near) for near in column.neighbours(values[0])}
    assert steps == {2**k for k in range((len(values) - 1).bit_length())}


def test_a_step_of_one_changes_nothing_for_a_whole_number() -> None:
    for scale in ("linear", "log"):
        plain = {"kind": "int", "low": 1, "high": 60, "scale": scale}
        encodings = [Encoding(space_of(n=plain | more)) for more in ({}, {"step": 1})]
        u = torch.rand(50, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        one, other = (encoding.spread(u) for encoding in encodings)
        assert torch.equal(one, other)
        assert [encodings[0].point_at(row) for row in u.tolist()] == [encodings[1].point_at(row) for row in u.tolist()]


def test_a_step_makes_a_float_discrete_and_a_space_of_such_finite() -> None:
    grid = {"kind": "float", "low": 0, "high": 1, "step": 0.05}
    encoding = Encoding(space_of(x=grid, on={"kind": "bool"}))
    assert encoding.size() == len(encoding.every_point()) == 21 * 2
    assert not bool(encoding.mask_of("continuous").any())
    assert encoding.mask_of("in steps").tolist() == [False, True, True]
    assert {"x": 0.15, "on": True} in encoding.every_point()


def test_on_a_logit_scale_the_odds_lie_evenly() -> None:
    encoding = Encoding(space_of(p={"kind": "float", "low": 0.001, "high": 0.999, "scale": "logit"}))
    assert encoding.decode(torch.tensor([0.5], dtype=torch.float64))["p"] == pytest.approx(0.5)
    places = [encoding.encode([{"p": p}]).item() for p in (0.001, 0.01, 0.5, 0.99, 0.999)]
    assert places == pytest.approx([1 - place for place in reversed(places)])
    assert places[1] == pytest.approx(0.5 * (1 - math.log(0.99 / 0.01) / math.log(0.999 / 0.001)))


def test_on_a_logit_scale_bounds_next_to_zero_and_one_have_finite_features_and_points_inside() -> None:
    low, high = LEAST, 1.0 - 2**-53
    encoding = Encoding(space_of(p={"kind": "float", "low": low, "high": high, "scale": "logit"}))
    shares = [0.0, 1e-17, 0.3, 0.5, 0.9, 1.0 - 1e-16, 1.0]
    values = [encoding.point_at([u])["p"] for u in shares]
    assert values == sorted(values)
    assert all(low <= value <= high for value in values)
    assert all(-1e-15 <= encoding.encode([{"p": value}]).item() <= 1 + 1e-15 for value in values)


def test_a_parameter_that_becomes_active_with_a_step_is_tried_at_several_values() -> None:
    encoding = Encoding(
        space_of(
            method={"kind": "categorical", "choices": ["plain", "tuned"]},
            share={"kind": "float", "low": 0.0, "high": 10.0, "when": {"method": "tuned"}},
        )
    )
    assert encoding.neighbours({"method": "plain"}) == [
        {"method": "tuned", "share": pytest.approx(share)} for share in (5.0, 2.0, 8.0)
    ]
    assert encoding.neighbours({"method": "tuned", "share": 3.0}) == [{"method": "plain"}]
