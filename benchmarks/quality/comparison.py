"""Compare contestants by definitions that were fixed before any comparison.

- *Regret* is the true value at the recommended point minus the optimum. The scale of a cell is the median regret of
  its Sobol campaigns; a *difference* is (our regret − the rival's regret) / scale in the campaigns of one cell and one
  seed, which share start, noise, durations and failures. Below 0 is better for us.
- A cell's difference is the median over its seeds; its interval holds 90 % of the medians of 10,000 bootstrap samples
  of the seeds, drawn from a fixed seed.
- *tie*: the median lies within ±0.05. *win* and *loss*: it lies beyond, and the interval excludes 0. *open*: it lies
  beyond, but the interval includes 0; this is neither a win nor a tie, only a reason to run more seeds. With fewer than
  5 seeds every cell is open.
- The pooled difference against a rival is the mean over the cells of the mean over the seeds, so that disasters count;
  its interval holds 90 % of the same figure in bootstrap samples of the seeds within each cell.
- We are *worst* in a cell if our median regret is above that of every peer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MARGIN = 0.05
LEVEL = 0.90
RESAMPLES = 10_000
SEED = 0
FEWEST_SEEDS = 5

Verdict = Literal["win", "tie", "loss", "open"]
Vector = NDArray[np.float64]
Regrets = Mapping[int, float]


@dataclass(frozen=True)
class Difference:
    """A paired difference with its interval."""

    value: float
    low: float
    high: float
    count: int

    @property
    def verdict(self) -> Verdict:
        """Return the verdict on our contestant."""
        if self.count < FEWEST_SEEDS:
            return "open"
        if abs(self.value) <= MARGIN:
            return "tie"
        if self.low <= 0 <= self.high:
            return "open"
        return "win" if self.value < 0 else "loss"


def paired(ours: Regrets, rivals: Regrets, scale: float) -> Vector:
    """Return the differences for the seeds that both have run, in the order of the seeds."""
    seeds = sorted(set(ours) & set(rivals))
    return np.array([(ours[seed] - rivals[seed]) / scale for seed in seeds])


def cell_difference(differences: Vector) -> Difference:
    """Return the median of a cell's differences with its bootstrap interval."""
    medians = np.median(differences[_resampled(differences, np.random.default_rng(SEED))], axis=1)
    return _with_interval(float(np.median(differences)), medians, len(differences))


def mean_difference(differences: Vector) -> Difference:
    """Return the mean of a cell's differences with its bootstrap interval."""
    means = np.mean(differences[_resampled(differences, np.random.default_rng(SEED))], axis=1)
    return _with_interval(float(np.mean(differences)), means, len(differences))


def pooled_difference(cells: Sequence[Vector]) -> Difference:
    """Return the mean over the cells of the mean over their seeds, with its interval."""
    generator = np.random.default_rng(SEED)
    means = np.mean([np.mean(d[_resampled(d, generator)], axis=1) for d in cells], axis=0)
    return _with_interval(float(np.mean([np.mean(d) for d in cells])), means, sum(len(d) for d in cells))


def _resampled(differences: Vector, generator: np.random.Generator) -> NDArray[np.int64]:
    return generator.integers(len(differences), size=(RESAMPLES, len(differences)))


def _with_interval(value: float, samples: Vector, count: int) -> Difference:
    low, high = np.quantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Difference(value, float(low), float(high), count)


def is_worst(ours: Regrets, peers: Sequence[Regrets]) -> bool:
    """Return whether our median regret is above that of every peer; False if either side is missing."""
    medians = [float(np.median(list(peer.values()))) for peer in peers]
    return bool(ours) and bool(medians) and float(np.median(list(ours.values()))) > max(medians)
