"""The boxes above a front fill the space that it leaves undominated: they hold what a new point would add."""

import pytest
import torch
from botorch.utils.multi_objective.pareto import is_non_dominated

from overnight.bo_core.acquisition.front import on_front
from overnight.bo_core.acquisition.front.boxes import Boxes, undominated
from overnight.campaign.goal.front import hypervolume


def random_points(objectives: int, n: int, seed: int, grid: int | None = None) -> list[torch.Tensor]:
    """Return values [2, n, 6] of each objective; on a grid many are equal."""
    generator = torch.Generator().manual_seed(seed)
    points = torch.randn(objectives, 2, n, 6, generator=generator, dtype=torch.float64)
    return list(points if grid is None else (points * grid).round() / grid)


def added(boxes: Boxes, y: list[float]) -> torch.Tensor:
    """Return the volume [2, 6] that a point adds in each draw: that of all boxes below it."""
    sides = [
        (torch.full_like(low, value) if high is None else high.clamp(max=value)).sub(low).clamp(min=0.0)
        for low, high, value in zip(boxes.lows, boxes.highs, y, strict=True)
    ]
    return torch.stack(sides).prod(0).masked_fill(boxes.empty, 0.0).sum(3)[:, 0]


@pytest.mark.parametrize("objectives", [2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 9, 30])
@pytest.mark.parametrize("grid", [None, 1, 2])
def test_the_boxes_below_a_point_have_the_hypervolume_that_it_adds(objectives, n, grid):
    values, reference = random_points(objectives, n, n, grid), torch.full((2, 1, 6), -0.5, dtype=torch.float64)
    counts = torch.rand(2, n, 6, generator=torch.Generator().manual_seed(1)) < 0.9
    boxes, worst = undominated(values, counts, [reference] * objectives), (-0.5,) * objectives
    generator = torch.Generator().manual_seed(2)
    for y in torch.randn(8, objectives, generator=generator, dtype=torch.float64).tolist():
        found = added(boxes, y)
        for m in range(2):
            for s in range(6):
                front = [tuple(float(v[m, i, s]) for v in values) for i in range(n) if counts[m, i, s]]
                expected = hypervolume([*front, tuple(y)], worst) - hypervolume(front, worst)
                assert float(found[m, s]) == pytest.approx(expected, abs=1e-9)


def test_three_objectives_need_about_two_boxes_for_each_point_on_the_front():
    values = random_points(3, 25, 3)
    everything, reference = torch.ones(2, 25, 6, dtype=torch.bool), torch.full((2, 1, 6), -9.0, dtype=torch.float64)
    boxes = undominated(values, everything, [reference] * 3)
    on_it = on_front([value.mT for value in values], everything.mT).sum(2)
    assert bool(((~boxes.empty).sum(3)[:, 0] <= 2 * on_it + 1).all())


@pytest.mark.parametrize("objectives", [2, 3, 5])
def test_points_on_the_front_are_those_that_botorch_finds(objectives):
    values, everything = random_points(objectives, 40, 4), torch.ones(2, 6, 40, dtype=torch.bool)
    found = on_front([value.mT for value in values], everything)
    torch.testing.assert_close(found, is_non_dominated(torch.stack(values, 3).transpose(1, 2)))


@pytest.mark.parametrize("objectives", [2, 3])
def test_one_of_equal_points_is_on_the_front(objectives):
    points = [torch.tensor([1.0, 2.0, 1.0, 0.0, 2.0])] + [torch.tensor([3.0, 1.0, 3.0, 0.0, 1.0])] * (objectives - 1)
    counts = torch.tensor([True, True, True, True, False])
    assert on_front(points, counts).tolist() == [True, True, False, False, False]
