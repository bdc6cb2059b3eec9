import math

import numpy as np
import pytest
from scipy.optimize import minimize as scipy_minimize

from overnight.bo_core.search.bfgs import Array, Objective, Stopping, minimize

# Stop only when the gradient vanishes.
TO_THE_END = Stopping(gradient=1e-7, progress=0.0)


def quadratics(b: int, h: int, seed: int, condition: float = 100.0) -> tuple[Objective, Array]:
    """Return a convex quadratic function for each row, and the Hessians [b, h, h], of at most this condition number."""
    generator = np.random.default_rng(seed)
    axes, _ = np.linalg.qr(generator.standard_normal((b, h, h)))
    curvature = condition ** generator.uniform(-0.5, 0.5, (b, 1, h))
    Q = (axes * curvature) @ axes.transpose(0, 2, 1)
    c = 2.0 * generator.standard_normal((b, h))

    def objective(x: Array, rows: np.ndarray) -> tuple[Array, Array]:
        Qx = (Q[rows] @ x[:, :, None])[:, :, 0]
        return (x * (0.5 * Qx - c[rows])).sum(1), Qx - c[rows]

    return objective, Q


def rosenbrock(x: Array, rows: np.ndarray) -> tuple[Array, Array]:
    del rows
    left, right = x[:, :-1], x[:, 1:]
    valley = right - left**2
    gradient = np.zeros_like(x)
    gradient[:, :-1] = -400.0 * left * valley - 2.0 * (1.0 - left)
    gradient[:, 1:] += 200.0 * valley
    return (100.0 * valley**2 + (1.0 - left) ** 2).sum(1), gradient


def uniform(b: int, h: int, seed: int, low: float = 0.0, high: float = 1.0) -> Array:
    return np.random.default_rng(seed).uniform(low, high, (b, h))


def number(value: float) -> Array:
    return np.array([value])


def by_scipy(objective: Objective, start: Array, row: int, low: float, high: float) -> float:
    def function(x: Array) -> tuple[float, Array]:
        value, gradient = objective(x[None], np.array([row]))
        return float(value[0]), gradient[0]

    bounds = [(low, high)] * start.shape[1]
    options = {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9}
    return float(scipy_minimize(function, start[row], jac=True, method="L-BFGS-B", bounds=bounds, options=options).fun)


@pytest.mark.parametrize("h", [1, 4, 12])
def test_quadratics_on_a_box_end_where_scipy_ends(h: int) -> None:
    (objective, _), start = quadratics(8, h, seed=h), uniform(8, h, seed=1)
    end = minimize(objective, start, number(0.0), number(1.0), stopping=TO_THE_END, max_rounds=500)
    expected = [by_scipy(objective, start, row, 0.0, 1.0) for row in range(8)]
    assert set(end.endings) == {"converged"}
    assert end.value.tolist() == pytest.approx(expected, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize(("low", "high"), [(-2.0, 2.0), (-0.5, 0.7)])
def test_rosenbrock_ends_where_scipy_ends(low: float, high: float) -> None:
    start = uniform(10, 2, seed=3, low=low, high=high)
    end = minimize(rosenbrock, start, number(low), number(high), stopping=TO_THE_END, max_rounds=500)
    expected = [by_scipy(rosenbrock, start, row, low, high) for row in range(10)]
    assert end.value.tolist() == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_every_point_asked_about_and_every_end_is_in_the_box_with_its_own_value() -> None:
    (objective, _), start = quadratics(6, 5, seed=9), uniform(6, 5, seed=2, low=-3.0, high=4.0)
    low, high = uniform(6, 5, seed=3, low=-1.0, high=0.0), uniform(6, 5, seed=4, low=0.1, high=1.0)

    def watched(x: Array, rows: np.ndarray) -> tuple[Array, Array]:
        assert ((x >= low[rows]) & (x <= high[rows])).all()
        return objective(x, rows)

    end = minimize(watched, start, low, high)
    assert ((end.x >= low) & (end.x <= high)).all()
    np.testing.assert_allclose(end.value, objective(end.x, np.arange(6))[0])


def test_the_starts_that_were_handed_over_are_left_alone() -> None:
    (objective, _), start = quadratics(3, 4, seed=1), uniform(3, 4, seed=2)
    before, H = start.copy(), np.tile(np.eye(4), (3, 1, 1))
    minimize(objective, start, number(0.0), number(1.0), inverse_hessian=H)
    assert np.array_equal(start, before)
    assert np.array_equal(H, np.tile(np.eye(4), (3, 1, 1)))


def test_a_row_ends_at_the_same_place_alone_and_among_others() -> None:
    (objective, _), start = quadratics(7, 4, seed=5), uniform(7, 4, seed=6)
    together = minimize(objective, start, number(0.0), number(1.0))
    for row in range(7):
        alone = minimize(
            lambda x, rows, row=row: objective(x, rows + row), start[row : row + 1], number(0.0), number(1.0)
        )
        np.testing.assert_allclose(alone.x[0], together.x[row], rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_kept_out_of_and_spoils_no_other_row(bad: float) -> None:
    def objective(x: Array, rows: np.ndarray) -> tuple[Array, Array]:
        value, gradient = ((x - 0.9) ** 2).sum(1), 2.0 * (x - 0.9)
        outside = (x[:, 0] > 0.6) & (rows != 1)
        return np.where(outside, bad, value), np.where(outside[:, None], bad, gradient)

    start = np.array([[0.2, 0.2], [0.2, 0.2], [0.8, 0.2]])
    end = minimize(objective, start, number(0.0), number(1.0))
    assert end.x[0, 0] <= 0.6
    assert end.value[0] < 0.2
    np.testing.assert_allclose(end.x[1], 0.9, rtol=0.0, atol=1e-4)
    assert not math.isfinite(end.value[2])
    assert end.endings[0] != "not finite"
    assert end.endings[1:] == ("converged", "not finite")


def test_a_row_that_runs_out_of_steps_says_so() -> None:
    start = np.array([[-1.2, 1.0], [1.0, 1.0]])
    end = minimize(rosenbrock, start, number(-2.0), number(2.0), max_rounds=3)
    assert end.endings == ("out of steps", "converged")


@pytest.mark.parametrize("seed", range(20))
def test_giving_up_never_drops_the_row_that_would_win(seed: int) -> None:
    objective, _ = quadratics(8, 5, seed, condition=10.0)
    start = uniform(8, 5, seed + 100, low=-4.0, high=4.0)
    box = number(-50.0), number(50.0)
    patient = minimize(objective, start, *box, stopping=TO_THE_END)
    hasty = minimize(objective, start, *box, stopping=Stopping(gradient=1e-7, progress=0.0, give_up=0.1))
    assert hasty.evaluations <= patient.evaluations
    assert hasty.value.min() == pytest.approx(patient.value.min(), abs=1e-8)
    assert hasty.endings[int(patient.value.argmin())] == "converged"


def test_a_row_that_cannot_win_any_more_leaves_early() -> None:
    def valleys(x: Array, rows: np.ndarray) -> tuple[Array, Array]:
        value, gradient = rosenbrock(x, rows)
        return value + 100.0 * rows, gradient

    start = np.array([[1.1, 1.1], [-1.2, 1.0]])
    end = minimize(valleys, start, number(-2.0), number(2.0), stopping=Stopping(give_up=0.3))
    assert end.endings == ("converged", "hopeless")


@pytest.mark.parametrize("h", [1, 4, 12])
def test_with_an_exact_inverse_hessian_a_quadratic_takes_at_most_three_evaluations(h: int) -> None:
    objective, Q = quadratics(5, h, seed=h)
    start = uniform(5, h, seed=1)
    end = minimize(objective, start, number(-1e3), number(1e3), longest_step=1e3, inverse_hessian=np.linalg.inv(Q))
    assert set(end.endings) == {"converged"}
    assert end.evaluations <= 3 * 5
    np.testing.assert_allclose(objective(end.x, np.arange(5))[1], 0.0, atol=1e-5)


def test_a_small_step_that_taught_no_curvature_does_not_end_a_row() -> None:
    def dome(x: Array, rows: np.ndarray) -> tuple[Array, Array]:
        """A dome with a flat top: no step shows positive curvature, and the first steps gain little."""
        del rows
        return -1e-3 * (x**2).sum(1), -2e-3 * x

    end = minimize(dome, np.full((1, 2), 0.1), number(0.0), number(1.0), stopping=Stopping(1e-7, 1e-3), max_rounds=50)
    assert end.endings == ("out of steps",)


def test_a_first_curvature_that_promises_little_does_not_end_a_row_before_it_is_confirmed() -> None:
    (objective, _), start = quadratics(1, 1, seed=5), uniform(1, 1, seed=1)
    stiff = 1e-6 * np.eye(1)[None]
    found = minimize(
        objective, start, number(-50.0), number(50.0), stopping=Stopping(1e-7, 1e-3), inverse_hessian=stiff
    )
    best = minimize(objective, start, number(-50.0), number(50.0), stopping=TO_THE_END)
    assert found.value[0] == pytest.approx(best.value[0], abs=1e-2)


def test_a_row_ends_where_its_curvature_predicts_that_less_than_the_progress_is_left() -> None:
    (objective, _), start = quadratics(8, 4, seed=2), uniform(8, 4, seed=1)
    rough, exact = (
        minimize(objective, start, number(-50.0), number(50.0), stopping=stopping)
        for stopping in (Stopping(1e-7, 1e-3), TO_THE_END)
    )
    assert rough.evaluations < exact.evaluations
    assert float((rough.value - exact.value).max()) < 1e-2
    assert set(rough.endings) == {"converged"}
