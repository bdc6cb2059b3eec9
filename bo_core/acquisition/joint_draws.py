"""All metrics drawn jointly at the points that matter: those that could be best, the pending and the chosen ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.search.quasi_random import uniform_draws
from overnight.bo_core.surrogate import Belief, MetricDraws


@dataclass(frozen=True)
class Drawn:
    """The metrics at r points in each of S draws: `values` [M, r, S] by metric.

    A point counts in the draws in which it is `eligible` [M, r, S]: in all of them, unless it awaits approval.
    """

    values: Mapping[str, Tensor]
    eligible: Tensor

    def first(self, draws: int) -> "Drawn":
        """Return the first draws."""
        return Drawn({name: f[:, :, :draws] for name, f in self.values.items()}, self.eligible[:, :, :draws])


class JointDraws:
    """S draws of every metric at the same r points, for each of M sets of hyperparameters, extended by each choice."""

    def __init__(
        self,
        beliefs: Mapping[str, Belief],
        points: Tensor,
        draws: int,
        more: int,
        seed: int | None,
        *,
        parked: int = 0,
        approval: float = 1.0,
    ) -> None:
        """Draw each metric `draws` times at `points` [r, d] for each set, leaving room for `more` points to be added.

        Metrics are drawn independently of each other; their beliefs must average over the same number of sets. Without
        a seed each draw is the mean, which suffices for a utility that is linear in the mean. Each of the last `parked`
        points is eligible in a draw with probability `approval`. A draw knows f there even if it is not eligible, which
        does not change the mean over draws (the tower property).
        """
        [M] = {belief.set_count for belief in beliefs.values()}
        r, of_one = len(points), len(points) + more
        columns = len(beliefs) * of_one
        uniform = _uniform_draws(M * draws, columns + parked, seed)
        # Each set gets a run of the Sobol sequence, which fills the cube by itself; every M-th point would not.
        normals = torch.special.ndtri(uniform[:, :columns]).reshape(M, draws, columns)
        self.beliefs = beliefs
        self.metrics: dict[str, MetricDraws] = {
            name: belief.drawn(points, of_metric.to(belief.like))
            for (name, belief), of_metric in zip(beliefs.items(), normals.split(of_one, 2), strict=True)
        }
        # The sequence fills each dimension evenly, so the share of draws equals the probability.
        approved = (uniform[:, columns:] < approval).reshape(M, draws, parked).mT.to(points.device)
        self._eligible = torch.cat([approved.new_ones(M, r - parked, draws), approved], 1)

    @property
    def drawn(self) -> Drawn:
        """Return the draws so far."""
        return Drawn({name: metric.values for name, metric in self.metrics.items()}, self._eligible)

    @property
    def set_count(self) -> int:
        """Return M, the number of sets of hyperparameters."""
        return self._eligible.shape[0]

    @property
    def jitter(self) -> float:
        """Return the largest jitter that the draws of a metric needed."""
        return max(metric.jitter for metric in self.metrics.values())

    def add(self, x: Tensor) -> None:
        """Add the chosen candidate x [d] to the draws of every metric."""
        for metric in self.metrics.values():
            metric.add(x)
        M, _, draws = self._eligible.shape
        self._eligible = torch.cat([self._eligible, self._eligible.new_ones(M, 1, draws)], 1)


def _uniform_draws(draws: int, dimension: int, seed: int | None) -> Tensor:
    """Return quasi-Monte-Carlo draws [draws, dimension] of the open unit cube; without a seed, its centre."""
    if seed is None:
        return torch.full((draws, dimension), 0.5, dtype=torch.float64)
    return uniform_draws(dimension, draws, seed).clamp(1e-10, 1.0 - 1e-10)
