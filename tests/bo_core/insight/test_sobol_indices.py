import math

import pytest
import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.insight.sampled_space import SampledSpace
from overnight.bo_core.insight.sobol_indices import main_indices, total_indices
from overnight.bo_core.search.quasi_random import uniform_draws
from overnight.campaign.space import Space

PI = math.pi


def ishigami(u: Tensor) -> Tensor:
    """Return Ishigami's function with a = 7 and b = 0.1; the last of four inputs does nothing."""
    x = (2.0 * u - 1.0) * PI
    return x[:, 0].sin() + 7.0 * x[:, 1].sin() ** 2 + 0.1 * x[:, 2] ** 4 * x[:, 0].sin()


ISHIGAMI_VARIANCE = 7**2 / 8 + 0.1 * PI**4 / 5 + 0.1**2 * PI**8 / 18 + 0.5
ISHIGAMI_MAIN = [0.5 * (1 + 0.1 * PI**4 / 5) ** 2, 7**2 / 8, 0.0, 0.0]
ISHIGAMI_TOTAL = [ISHIGAMI_MAIN[0] + 0.1**2 * PI**8 * 8 / 225, 7**2 / 8, 0.1**2 * PI**8 * 8 / 225, 0.0]

G = torch.tensor([0.0, 1.0, 4.5, 9.0], dtype=torch.float64)


def g_function(u: Tensor) -> Tensor:
    """Return Sobol's g function."""
    return (((4.0 * u - 2.0).abs() + G) / (1.0 + G)).prod(1)


G_PARTS = [1.0 / (3.0 * (1.0 + a) ** 2) for a in G.tolist()]
G_ALL = math.prod(1.0 + part for part in G_PARTS)
G_MAIN = [part / (G_ALL - 1.0) for part in G_PARTS]
G_TOTAL = [part * G_ALL / (1.0 + part) / (G_ALL - 1.0) for part in G_PARTS]


def sampled(function, k: int, count: int = 8192) -> tuple[Tensor, Tensor]:
    A, B = uniform_draws(2 * k, count, 3).split(k, 1)
    mixed = []
    for i in range(k):
        each = A.clone()
        each[:, i] = B[:, i]
        mixed.append(function(each))
    at_A, at_B, at_mixed = function(A), function(B), torch.stack(mixed)
    return main_indices(at_A, at_B, at_mixed), total_indices(at_A, at_mixed, at_B)


@pytest.mark.parametrize(
    ("function", "main", "total"),
    [
        (ishigami, [v / ISHIGAMI_VARIANCE for v in ISHIGAMI_MAIN], [v / ISHIGAMI_VARIANCE for v in ISHIGAMI_TOTAL]),
        (g_function, G_MAIN, G_TOTAL),
    ],
    ids=["Ishigami", "Sobol g"],
)
def test_the_estimators_find_the_known_indices(function, main, total) -> None:
    found_main, found_total = sampled(function, 4)
    assert found_main.tolist() == pytest.approx(main, abs=0.01)
    assert found_total.tolist() == pytest.approx(total, abs=0.01)


def test_a_constant_has_no_important_input() -> None:
    main, total = sampled(lambda u: torch.full((len(u),), 3.0, dtype=torch.float64), 2, 64)
    assert main.tolist() == [0.0, 0.0]
    assert total.tolist() == [0.0, 0.0]


def test_a_shift_and_a_factor_change_no_index() -> None:
    plain, moved = sampled(g_function, 4, 256), sampled(lambda u: 1e6 - 3.0 * g_function(u), 4, 256)
    for one, other in zip(plain, moved, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def indices_over(parameters, constraints, function, count: int = 1024) -> tuple[list[float] | None, list[float]]:
    """Return the indices of a function of features over a space."""
    space = SampledSpace.of(Encoding(Space.of(parameters, constraints)), count, 1)
    assert space is not None
    at_A, at_B, at_mixed = space.parted(function(space.every))
    main = None if at_B is None else main_indices(at_A, at_B, at_mixed).tolist()
    return main, total_indices(at_A, at_mixed, at_B).tolist()


UNIT = {"kind": "float", "low": 0.0, "high": 1.0}


def test_in_a_triangle_a_share_is_due_to_a_parameter_only_given_the_other() -> None:
    main, total = indices_over({"x": UNIT, "y": UNIT}, ["x + y <= 1"], lambda X: X[:, 0])
    # Given y, x has a variance of (1 - y)² / 12, on average 1 / 24; without y it has 1 / 18.
    assert main is None
    assert total == pytest.approx([0.75, 0.0], abs=0.04)


def test_choices_count_by_their_own_shares() -> None:
    parameters = {"mode": {"kind": "categorical", "choices": ["a", "b", "c"]}, "x": UNIT}
    # The indicator of one of three choices has the variance 2 / 9, and x has 1 / 12.
    main, total = indices_over(parameters, [], lambda X: X[:, 0] + X[:, 3])
    share = (2 / 9) / (2 / 9 + 1 / 12)
    assert main == pytest.approx([share, 1 - share], abs=0.02)
    assert total == pytest.approx([share, 1 - share], abs=0.02)


def test_a_parameter_counts_only_where_it_is_active() -> None:
    parameters = {
        "mode": {"kind": "categorical", "choices": ["a", "b"]},
        "x": UNIT | {"when": {"mode": "a"}},
        "y": UNIT,
    }

    def function(X: Tensor) -> Tensor:
        return torch.where(X[:, 3] == 0.0, X[:, 2], 0.5)

    # The function is x with a probability of one half and else its mean: a variance of 1 / 24, all of it due to x.
    main, total = indices_over(parameters, [], function)
    assert total == pytest.approx([0.5, 1.0, 0.0], abs=0.03)
    assert main == pytest.approx([0.0, 0.5, 0.0], abs=0.04)


def test_a_space_of_which_hardly_any_point_is_allowed_has_no_sample() -> None:
    assert SampledSpace.of(Encoding(Space.of({"x": UNIT, "y": UNIT}, ["x + y <= 0.01"])), 256, 1) is None


def test_all_points_of_a_sample_are_allowed() -> None:
    encoding = Encoding(Space.of({"x": UNIT, "y": UNIT, "z": UNIT}, ["x + y <= 1", "z <= x"]))
    space = SampledSpace.of(encoding, 128, 1)
    assert space is not None
    assert encoding.region is not None
    assert bool(encoding.region.contains(space.every).all())
