"""Starting points are spread evenly over the allowed part of a space, however small it is."""

import pytest
import torch

from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.bo_core.search.even import check_not_empty, even_features
from overnight.bo_core.search.sobol import sobol_points
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.space import Space

FLOAT = {"kind": "float", "low": 0.0, "high": 1.0}
CUBE = {f"x{i}": FLOAT for i in range(6)}
SQUARE = {f"x{i}": FLOAT for i in range(2)}


def drawn(space: Space, count: int = 2000) -> torch.Tensor:
    """Return features [b, d] that were drawn from a space, all of which are allowed."""
    encoding = Encoding(space)
    X = even_features(encoding, count, seed=1)
    assert all(encoding.decode(x) is not None for x in X)
    assert len(X) >= 0.8 * count
    return X


def test_a_simplex_is_filled_like_a_flat_dirichlet_distribution():
    # Coordinates of the simplex below x1 + … + x6 = 1 have Beta(1, 6) distributions: mean 1/7, variance 6/392.
    X = drawn(Space.of(CUBE, ["x0 + x1 + x2 + x3 + x4 + x5 <= 1"]))
    assert X.mean(0).tolist() == pytest.approx([1 / 7] * 6, abs=0.02)
    assert X.var(0).tolist() == pytest.approx([6 / 392] * 6, rel=0.2)


def test_the_last_of_a_mixture_is_spread_like_the_others():
    X = drawn(Space.of(CUBE, ["x0 + x1 + x2 + x3 + x4 + x5 == 1"]))
    assert X.sum(1).tolist() == pytest.approx([1.0] * len(X))
    assert X.mean(0).tolist() == pytest.approx([1 / 6] * 6, abs=0.02)
    assert X.var(0).tolist() == pytest.approx([5 / 252] * 6, rel=0.2)


def test_a_thin_shell_is_filled_on_all_sides():
    # A part of 1e-5 of the cube around a point.
    inside = " + ".join(f"(x{i} - 0.4)**2" for i in range(6))
    X = drawn(Space.of(CUBE, [f"0.0025 <= {inside}", f"{inside} <= 0.01"])) - 0.4
    assert X.mean(0).tolist() == pytest.approx([0.0] * 6, abs=0.01)
    # The mean square of the distance to the middle of a shell in six dimensions.
    radius = (6 / 8) * (0.1**8 - 0.05**8) / (0.1**6 - 0.05**6)
    assert X.square().sum(1).mean().item() == pytest.approx(radius, rel=0.05)


def test_a_few_points_far_apart_are_all_found():
    number = {"kind": "int", "low": 0, "high": 999}
    space = Space.of({"a": number, "b": number}, ["a + b >= 1996"])
    found = {key_of(point) for point in sobol_points(Encoding(space), 0, set(), 6)}
    assert found == {key_of({"a": a, "b": b}) for a in range(997, 1000) for b in range(997, 1000) if a + b >= 1996}


def test_conditions_alone_leave_the_sequence_as_it_is():
    on = {"kind": "categorical", "choices": ["yes", "no"]}
    X = even_features(Encoding(Space.of({"on": on, "x": {**FLOAT, "when": {"on": "yes"}}})), 100, seed=0)
    assert len(X) == 100


@pytest.mark.parametrize("constraints", [["x0 + x1 >= 3"], ["x0 <= 0.2", "x0 >= 0.3"], ["x0 + x1 == 2.5"]])
def test_a_space_without_any_point_is_refused(constraints):
    with pytest.raises(InvalidDefinition, match="found none in 4096 points and 256 walks"):
        check_not_empty(Space.of(SQUARE, constraints))


@pytest.mark.parametrize("value", ["sqrt(x0 - 2)", "x0 / 0", "log(x1 - 1)"])
def test_a_space_in_which_no_point_has_a_derived_value_is_refused(value):
    with pytest.raises(InvalidDefinition, match="found none"):
        check_not_empty(Space.of({**SQUARE, "d": {"kind": "derived", "value": value}}))


def test_a_constraint_without_a_finite_value_is_not_met():
    with pytest.raises(InvalidDefinition, match="found none"):
        check_not_empty(Space.of(SQUARE, ["x0 / 0 >= 2"]))


def test_a_branch_of_which_hardly_any_point_is_allowed_has_its_share_of_points():
    # One branch is free; of the other, a ten-millionth is allowed: two shares that are almost 0.
    shares = {name: {**FLOAT, "when": {"mixed": True}} for name in "ab"}
    space = Space.of({"mixed": {"kind": "bool"}, **shares}, ["a + b <= 0.00045"])
    encoding = Encoding(space)
    points = [encoding.decode(x) for x in even_features(encoding, 300, seed=0)]
    assert all(point is not None for point in points)
    mixed = [point for point in points if point is not None and point["mixed"]]
    assert 0.25 < len(mixed) / len(points) < 0.5
    # The mean of each coordinate of a uniform point in a triangle is a third of its size.
    assert sum(float(point["a"]) for point in mixed) / len(mixed) == pytest.approx(0.00015, rel=0.3)
    first = [point["mixed"] for point in points[:8] if point is not None]
    assert True in first
    assert False in first


def test_a_sequence_of_which_little_is_allowed_does_not_end_early():
    encoding = Encoding(Space.of({"a": FLOAT, "b": FLOAT}, ["a + b <= 0.21"]))
    assert len(sobol_points(encoding, 0, set(), 400)) == 400
