"""Refit many campaigns in one padded batch on the device, and one by one on the CPU."""

import time
from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.speed.gpu.lines import Line, at_most
from benchmarks.speed.gpu.padded import fit_together
from benchmarks.speed.gpu.setting import Findings, Setting, wait_for_device
from benchmarks.speed.problem import NOISE, Cell, problem_of, standardised
from overnight.bo_core import BayesianProposer
from overnight.bo_core.surrogate import Fit, LogPosterior, Prior, TrainingData, fit
from overnight.bo_core.surrogate.fit import LEAST_JITTER

_PART, _D = "batch", 6
# Campaigns share the points of this many problems; each has its own noise and its own size.
_PROBLEMS = 32
_SMALLEST_SHARE = 0.9


def refit_together(setting: Setting) -> Findings:
    """Yield campaigns per second on both, and how well the two agree."""
    usual, device = BayesianProposer(), torch.device(setting.device)
    sets, prior = campaigns(setting.campaigns, setting.campaign_size), Prior(_D, usual.prior)
    # The first batch loads the device's kernels.
    fit_together(sets[:8], usual.kernel, prior, jitter=LEAST_JITTER, device=device)
    wait_for_device(setting)
    began = time.perf_counter()
    theta, values = fit_together(sets, usual.kernel, prior, jitter=LEAST_JITTER, device=device)
    wait_for_device(setting)
    together = time.perf_counter() - began
    of = f"{setting.campaigns} campaigns of {sets_sizes(sets)} observations"
    yield Line(_PART, f"{of} refitted together", f"{together:.3g} s, {len(sets) / together:.4g} a second")
    failed = int((~np.isfinite(values)).sum())
    yield Line(_PART, "campaigns whose fit failed", str(failed), "0", held=failed == 0)

    some = sets[: setting.alone]
    exact = np.array([_value(data, at, usual, prior) for data, at in zip(some, theta, strict=False)])
    apart = np.max(np.abs(values[: len(some)] - exact) / np.maximum(1.0, np.abs(exact)))
    yield at_most(_PART, "log posterior of the padded batch against one campaign's, relative", float(apart), 1e-6)
    began = time.perf_counter()
    alone = [_alone(data, usual, prior) for data in some]
    each = (time.perf_counter() - began) / len(some)
    yield Line(_PART, f"a loop on one CPU thread over {len(some)} of them", f"{1.0 / each:.4g} campaigns a second")
    faster = each * len(sets) / together
    yield Line(_PART, "the batch, times as fast as the loop", f"{faster:.3g}", "≥ 1", held=faster >= 1.0)
    short = max((a.value - v) / len(d.y) for a, v, d in zip(alone, exact, some, strict=True))
    yield at_most(_PART, "worst shortfall against the fit alone, nats per observation", short, 0.01)


def campaigns(count: int, most: int) -> list[TrainingData]:
    """Return data sets of at most `most` observations, of different sizes."""
    problems = [problem_of(Cell(most, _D, 0, 1), seed) for seed in range(min(count, _PROBLEMS))]
    sets = []
    for i in range(count):
        generator, problem = np.random.default_rng([most, i]), problems[i % len(problems)]
        n = int(generator.integers(int(_SMALLEST_SHARE * most), most + 1))
        y = problem.y + NOISE * problem.y.std() * generator.standard_normal(most)
        y = torch.from_numpy(standardised(y[:n]))
        sets.append(TrainingData.of(torch.from_numpy(problem.X[:n]), y, torch.full_like(y, torch.nan)))
    return sets


def sets_sizes(sets: Sequence[TrainingData]) -> str:
    """Return the smallest and the largest size in words."""
    sizes = [len(data.y) for data in sets]
    return f"{min(sizes)} to {max(sizes)}"


def _alone(data: TrainingData, usual: BayesianProposer, prior: Prior) -> Fit:
    """Return the fit of the product from one cold start, with one thread, which it uses at this size."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return fit(data, usual.kernel, prior, torch.Generator().manual_seed(0), cold=1)
    finally:
        torch.set_num_threads(before)


def _value(data: TrainingData, theta: np.ndarray, usual: BayesianProposer, prior: Prior) -> float:
    value, _ = LogPosterior(data, usual.kernel, prior, jitter=LEAST_JITTER)(theta[None])
    return float(value[0])
