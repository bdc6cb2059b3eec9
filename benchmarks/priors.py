"""Compare how well beliefs predict unmeasured points under different priors: `python -m benchmarks.priors`.

No campaign is run; the points of one are imitated, half of them spread and half near a good one, so that all priors are
judged on the same data. The table in docs/decisions/0006-priors.md comes from here.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.quality.cells import CELLS, Cell
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.outcomes import Outcomes
from overnight.bo_core.surrogate import Hyperparameters, LogPosterior, Posterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.average import draw_hyperparameters
from overnight.campaign import Measurement, Objective

Vector = NDArray[np.float64]

_CELLS = [
    f"{name}-{noise}" for noise in ("moderate", "dominating") for name in ("branin", "hartmann6", "levy10", "ackley8")
]
_IDLE = ["hartmann6-moderate", "hartmann6-dominating"]
_ASKED = 400
_SETS = 8
_DENSITY_FLOOR = 1e-12


@dataclass(frozen=True)
class Belief:
    """A prior to try: log length scales with a shift from `loose` and a spread; log noise with location and spread."""

    shift: float
    scale_spread: float
    noise: float
    noise_spread: float

    def prior(self, d: int) -> Prior:
        """Return the prior for d features."""
        prior = Prior(d, "loose")
        prior.location[:d] += self.shift
        prior.spread[:d] = self.scale_spread
        prior.location[d], prior.spread[d] = self.noise, self.noise_spread
        return prior


BELIEFS = [
    Belief(0.0, math.sqrt(3.0), -5.0, 1.0),
    *(Belief(shift, spread, -4.0, 2.0) for spread in (1.3, 1.0, 0.8, 0.75, 0.6) for shift in (0.0, 0.3, 0.6)),
    *(Belief(0.3, 0.75, noise, spread) for noise, spread in ((-3.0, 2.0), (-4.0, 1.5), (-3.0, 1.5))),
]


@dataclass(frozen=True)
class Sample:
    """Observations `data`, unmeasured features X [b, d], and the standardised truth there [b]."""

    data: TrainingData
    X: torch.Tensor
    truth: Vector


def samples(seeds: int) -> Iterator[Sample]:
    """Yield the data sets, the same for every prior."""
    for names, idle in ((_CELLS, 0), (_IDLE, 6)):
        for name in names:
            for n in (20, 50):
                for seed in range(seeds):
                    yield _sample(CELLS[name], n, idle, np.random.default_rng([seed, n]))


def _sample(cell: Cell, n: int, idle: int, rng: np.random.Generator) -> Sample:
    """Return n observations of a cell's function, with `idle` additional features that have no effect."""
    d = len(cell.problem.parameters) + idle
    X = rng.random((n + _ASKED, d))
    good = X[np.argmin(_values(cell, X[:60]))]
    near = np.r_[n // 2 : n, n : n + _ASKED // 2]
    X[near] = np.clip(good + 0.2 * rng.normal(size=(len(near), d)), 0.0, 1.0)
    f = _values(cell, X)
    measured = [Measurement(mean=value) for value in f[:n] + cell.noise * rng.normal(size=n)]
    outcomes = Outcomes.of(measured, Objective(metric="value", direction="minimize"))
    truth = torch.from_numpy(-f[n:])
    if outcomes.tail is not None:
        truth, _ = outcomes.tail.compress(truth)
    data = TrainingData.of(torch.from_numpy(X[:n]), outcomes.y, outcomes.variance)
    return Sample(data, torch.from_numpy(X[n:]), ((truth - outcomes.center) / outcomes.scale).numpy())


def _values(cell: Cell, X: Vector) -> Vector:
    encoding = Encoding(cell.problem.space)
    decoded = map(encoding.decode, torch.from_numpy(X[:, : encoding.d]))
    # The spaces of these cells are plain, so every row has a point.
    points = [point for point in decoded if point is not None]
    return np.array([cell.function.value(point) for point in points])


def judge(sample: Sample, belief: Belief) -> tuple[float, float]:
    """Return the truth's mean log density and its correlation with the mean, averaged over hyperparameters."""
    d = sample.X.shape[1]
    prior, generator = belief.prior(d), torch.Generator().manual_seed(1)
    with torch.inference_mode():
        found = fit(sample.data, "matern52", prior, generator)
        log_posterior = LogPosterior(sample.data, "matern52", prior, jitter=found.jitter)
        theta = torch.from_numpy(draw_hyperparameters(log_posterior, found.theta, _SETS, generator))
        posterior = Posterior.of(sample.data, Hyperparameters(theta, d, "matern52", found.jitter))
        mean, sd = (values.numpy() for values in posterior.marginal(sample.X))
    sd = np.maximum(sd, 1e-3)
    density = np.mean(np.exp(-0.5 * ((sample.truth - mean) / sd) ** 2) / (sd * math.sqrt(2.0 * math.pi)), axis=0)
    middle = mean.mean(0)
    correlation = float(np.corrcoef(middle, sample.truth)[0, 1]) if np.ptp(middle) > 0 else 0.0
    return float(np.log(density + _DENSITY_FLOOR).mean()), correlation


def main() -> None:
    """Print one row for each prior, averaged over all data sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    data = list(samples(asked.seeds))
    print(
        f"{len(data)} data sets\n\n| shift | spread | log noise | spread | mean log density | correlation |\n"
        + "|---" * 6
        + "|"
    )
    for belief in BELIEFS:
        density, correlation = np.mean([judge(sample, belief) for sample in data], axis=0)
        numbers = (belief.shift, belief.scale_spread, belief.noise, belief.noise_spread)
        print("|", " | ".join(f"{x:.3g}" for x in numbers), f"| {density:.3f} | {correlation:.3f} |", flush=True)


if __name__ == "__main__":
    main()
