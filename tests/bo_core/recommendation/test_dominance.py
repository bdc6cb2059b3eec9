"""Dominance in many samples, compared with the rule for single points, and the excess over a front."""

import pytest
import torch

from overnight.bo_core.recommendation.dominance import excess, on_front, shares_on_front
from overnight.campaign.goal.front import on_front as on_front_by_rule


def lattice(objectives: int, n: int, samples: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 5, (objectives, n, samples), generator=generator).double()


@pytest.mark.parametrize("objectives", [1, 2, 3, 6])
def test_the_share_is_that_of_the_samples_in_which_a_point_is_on_the_front_of_those_that_count(objectives: int) -> None:
    values = lattice(objectives, 12, 40, objectives)
    counts = lattice(1, 12, 40, 99)[0] < 3
    expected = torch.zeros(12)
    for s in range(40):
        rows = counts[:, s].nonzero().flatten().tolist()
        kept = on_front_by_rule([tuple(values[:, row, s].tolist()) for row in rows])
        for row, is_kept in zip(rows, kept, strict=True):
            expected[row] += is_kept / 40
    assert shares_on_front([*values], counts, range(12)) == pytest.approx(expected.tolist())
    assert shares_on_front([*values], counts, [7, 3]) == pytest.approx([float(expected[7]), float(expected[3])])


@pytest.mark.parametrize("objectives", [1, 2, 4])
def test_the_front_of_one_set_of_values_follows_the_same_rule(objectives: int) -> None:
    values = lattice(objectives, 60, 1, objectives)[:, :, 0]
    counts = lattice(1, 60, 1, 5)[0, :, 0] < 4
    rows = counts.nonzero().flatten().tolist()
    kept = on_front_by_rule([tuple(values[:, row].tolist()) for row in rows])
    assert on_front([*values], counts) == [row for row, is_kept in zip(rows, kept, strict=True) if is_kept]


def test_the_excess_is_how_much_must_be_taken_off_all_objectives_until_the_front_is_as_good() -> None:
    generator = torch.Generator().manual_seed(2)
    means = torch.rand(2, 30, generator=generator, dtype=torch.float64)
    values = means + 0.2 * torch.rand(2, 30, generator=generator, dtype=torch.float64)
    front = on_front([*means], torch.ones(30, dtype=torch.bool))
    found = excess([*values], [*means], front)
    for i in range(30):
        for off, beaten in ((float(found[i]) + 1e-9, True), (float(found[i]) - 1e-9, False)):
            assert bool(((values[:, i : i + 1] - off) <= means[:, front]).all(0).any()) is beaten


def test_with_one_objective_the_excess_orders_points_as_their_values_do() -> None:
    values = torch.rand(50, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    means = values - 0.1
    found = excess([values], [means], on_front([means], torch.ones(50, dtype=torch.bool)))
    assert torch.equal(found.argsort(), values.argsort())
