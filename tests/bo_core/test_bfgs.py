import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize as scipy_minimize
from torch import Tensor

from bo_core.bfgs import Objective, minimize


def quadratics(b: int, h: int, seed: int) -> Objective:
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(b, h, h, generator=generator, dtype=torch.float64)
    Q = A @ A.mT + 0.1 * torch.eye(h, dtype=torch.float64)
    c = 2.0 * torch.randn(b, h, generator=generator, dtype=torch.float64)

    def objective(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        Qx = (Q[rows] @ x.unsqueeze(2)).squeeze(2)
        return (x * (0.5 * Qx - c[rows])).sum(1), Qx - c[rows]

    return objective


def rosenbrock(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    del rows
    left, right = x[:, :-1], x[:, 1:]
    valley = right - left**2
    gradient = torch.zeros_like(x)
    gradient[:, :-1] = -400.0 * left * valley - 2.0 * (1.0 - left)
    gradient[:, 1:] += 200.0 * valley
    return (100.0 * valley**2 + (1.0 - left) ** 2).sum(1), gradient


def uniform(b: int, h: int, seed: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return low + (high - low) * torch.rand(b, h, generator=generator, dtype=torch.float64)


def number(value: float) -> Tensor:
    return torch.tensor([value], dtype=torch.float64)


def by_scipy(objective: Objective, start: Tensor, row: int, low: float, high: float) -> float:
    def function(x: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(torch.from_numpy(x)[None], torch.tensor([row]))
        return float(value), gradient[0].numpy()

    bounds = [(low, high)] * start.shape[1]
    options = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9}
    found = scipy_minimize(function, start[row].numpy(), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return float(found.fun)


@pytest.mark.parametrize("h", [1, 4, 12])
def test_quadratics_on_a_box_end_where_scipy_ends(h: int) -> None:
    objective, start = quadratics(8, h, seed=h), uniform(8, h, seed=1)
    end = minimize(objective, start, number(0.0), number(1.0), value_tolerance=0.0, max_steps=500)
    expected = [by_scipy(objective, start, row, 0.0, 1.0) for row in range(8)]
    assert bool(end.converged.all())
    assert end.value.tolist() == pytest.approx(expected, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize(("low", "high"), [(-2.0, 2.0), (-0.5, 0.7)])
def test_rosenbrock_ends_where_scipy_ends(low: float, high: float) -> None:
    start = uniform(10, 2, seed=3, low=low, high=high)
    end = minimize(rosenbrock, start, number(low), number(high), value_tolerance=0.0, max_steps=500)
    expected = [by_scipy(rosenbrock, start, row, low, high) for row in range(10)]
    assert end.value.tolist() == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_every_end_is_in_the_box_with_its_own_value() -> None:
    objective, start = quadratics(6, 5, seed=9), uniform(6, 5, seed=2, low=-3.0, high=4.0)
    low, high = uniform(6, 5, seed=3, low=-1.0, high=0.0), uniform(6, 5, seed=4, low=0.1, high=1.0)
    end = minimize(objective, start, low, high)
    assert bool(((end.x >= low) & (end.x <= high)).all())
    torch.testing.assert_close(end.value, objective(end.x, torch.arange(6))[0])


def test_a_row_ends_at_the_same_place_alone_and_among_others() -> None:
    objective, start = quadratics(7, 4, seed=5), uniform(7, 4, seed=6)
    together = minimize(objective, start, number(0.0), number(1.0))
    for row in range(7):
        alone = minimize(
            lambda x, rows, row=row: objective(x, rows + row), start[row : row + 1], number(0.0), number(1.0)
        )
        torch.testing.assert_close(alone.x[0], together.x[row], rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_kept_out_of_and_spoils_no_other_row(bad: float) -> None:
    def objective(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        value, gradient = ((x - 0.9) ** 2).sum(1), 2.0 * (x - 0.9)
        outside = (x[:, 0] > 0.6) & (rows != 1)
        return value.masked_fill(outside, bad), gradient.masked_fill(outside[:, None], bad)

    start = torch.tensor([[0.2, 0.2], [0.2, 0.2], [0.8, 0.2]], dtype=torch.float64)
    end = minimize(objective, start, number(0.0), number(1.0))
    assert end.x[0, 0] <= 0.6
    assert float(end.value[0]) < 0.2
    torch.testing.assert_close(end.x[1], torch.full((2,), 0.9, dtype=torch.float64), rtol=0.0, atol=1e-4)
    assert not math.isfinite(float(end.value[2]))
    assert end.converged.tolist() == [True, True, False]


def test_a_row_that_runs_out_of_steps_says_so() -> None:
    start = torch.tensor([[-1.2, 1.0], [1.0, 1.0]], dtype=torch.float64)
    end = minimize(rosenbrock, start, number(-2.0), number(2.0), max_steps=3)
    assert end.converged.tolist() == [False, True]
