"""Search for the front of a problem with several objectives and print its hypervolume.

`python -m benchmarks.quality.front_search BRANIN_CURRIN VEHICLE_SAFETY` takes minutes.
"""

import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import problems
from benchmarks.quality.problems import FrontProblem
from overnight.bo_core.data.encoding import Encoding

_FIRST, _CHILDREN, _ROUNDS = 2**14, 2**13, 40
# With three objectives, a front is a surface: one point is kept for each square of this many by as many of its shadow.
_SQUARES = 250

Matrix = NDArray[np.float64]


def searched_front(problem: FrontProblem, rounds: int = _ROUNDS, squares: int = _SQUARES) -> Matrix:
    """Return the values of the feasible points that no point beats, found by an evolution from a fixed seed.

    A child is a point of the front, moved by a random share of the difference between two others.
    """
    generator, encoding = np.random.default_rng(0), Encoding(problem.space)
    X: Matrix = np.empty((0, encoding.k))
    Y: Matrix = np.empty((0, len(problem.worst)))
    children: Matrix = generator.random((_FIRST, encoding.k))
    for _ in range(rounds + 1):
        X, Y = _best(np.vstack([X, children]), np.vstack([Y, _values(problem, encoding, children)]))
        if len(problem.worst) > 2:
            kept = _spread_out(Y, squares)
            X, Y = X[kept], Y[kept]
        parents, a, b = X[generator.integers(len(X), size=(3, _CHILDREN))]
        shares = generator.normal(size=parents.shape) * 10.0 ** -generator.uniform(0.0, 3.0, size=(_CHILDREN, 1))
        children = np.clip(parents + shares * (a - b + 1e-3 * generator.normal(size=parents.shape)), 0.0, 1.0)
    return Y


def _values(problem: FrontProblem, encoding: Encoding, X: Matrix) -> Matrix:
    """Return the objectives at points of the unit cube, infinite where a point is infeasible or of no use."""
    # The spaces of these problems are plain, so every coordinate has a point.
    points = [point for x in X.tolist() if (point := encoding.point_at(x)) is not None]
    Y = np.array([problem.values(point) if problem.feasible(point) else problem.worst for point in points])
    return np.where((problem.worst > Y).all(1, keepdims=True), Y, np.inf)


def _best(X: Matrix, Y: Matrix) -> tuple[Matrix, Matrix]:
    """Return the points that no other beats, in the order of the first objective."""
    useful = np.isfinite(Y).all(1)
    X, Y = X[useful], Y[useful]
    order = np.lexsort(Y.T[::-1])
    X, Y = X[order], Y[order]
    if Y.shape[1] == 2:
        before = np.concatenate([[np.inf], np.minimum.accumulate(Y[:, 1])[:-1]])
        kept = before > Y[:, 1]
    else:
        kept = np.array([not (Y[:i] <= y).all(1).any() for i, y in enumerate(Y)])
    return X[kept], Y[kept]


def _spread_out(Y: Matrix, squares: int) -> NDArray[np.int64]:
    """Return the first of the points in each square of the first two objectives."""
    low, high = Y.min(0), Y.max(0)
    square_of = np.floor(squares * (Y - low) / (high - low))[:, :2]
    return np.sort(np.unique(square_of, axis=0, return_index=True)[1])


def volume(Y: Matrix, worst: Sequence[float]) -> float:
    """Return the hypervolume of two or three objectives, fast enough for the many points of a searched front."""
    if len(worst) == 2:
        lowest = np.minimum.accumulate(Y[np.argsort(Y[:, 0]), 1])
        return float(np.diff([*np.sort(Y[:, 0]), worst[0]]) @ (worst[1] - lowest))
    Y = Y[np.argsort(Y[:, 2])]
    heights = np.diff([*Y[:, 2], worst[2]])
    return sum(volume(Y[: i + 1, :2], worst[:2]) * height for i, height in enumerate(heights))


def main(names: Sequence[str]) -> None:
    """Print the hypervolume of each problem's front."""
    for name in names:
        problem = vars(problems)[name]
        front = searched_front(problem)
        print(f"{name}: {volume(front, problem.worst):.6g} with {len(front)} points, known: {problem.most:.6g}")


if __name__ == "__main__":
    main(sys.argv[1:])
