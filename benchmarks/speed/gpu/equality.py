"""Compare the device with the CPU to 1e-6: log posterior and gradient, posterior, acquisition values."""

from collections.abc import Sequence
from math import ceil

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.gpu.lines import at_most
from benchmarks.speed.gpu.setting import Findings, Setting
from benchmarks.speed.problem import Cell, Problem, problem_of, standardised
from benchmarks.speed.told import Told, told_history
from benchmarks.speed.worker import proposer_of
from overnight.bo_core.choice import Asked, Choice
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.feature_groups import FeatureGroups
from overnight.bo_core.model import Model
from overnight.bo_core.propose import propose
from overnight.bo_core.settings.acquisitions import ACQUISITIONS
from overnight.bo_core.surrogate import Hyperparameters, KernelName, LogPosterior, Posterior, Prior, TrainingData
from overnight.bo_core.surrogate.fit import LEAST_JITTER
from overnight.bo_core.weights.weighting import Weighting

_PART, _AGREEMENT = "equality", 1e-6
_KERNELS: tuple[KernelName, ...] = ("matern52", "rbf")
_PLACES, _POINTS = 8, 256
_D, _CATEGORY = 6, 3


def compare_with_cpu(setting: Setting) -> Findings:
    """Yield the largest difference of each kind, relative to the largest number of its kind, or to 1 if that is less.

    The sizes are a fifth and, for the log posterior, all of the smallest size of an ask.
    """
    device, n = torch.device(setting.device), ceil(min(setting.sizes) / 5)
    for name, data in _data_sets(n).items():
        for kernel in _KERNELS:
            for warped in (False, True):
                what = f"{name}, n = {n:,}, {kernel}{', warped' if warped else ''}"
                yield from _of_surrogate(what, data, kernel, device, warped=warped)
    large = problem_of(Cell(min(setting.sizes), _D, 0, 1), seed=1)
    yield from _of_surrogate(f"plain, n = {len(large.y):,}, matern52", _plain(large), "matern52", device, warped=False)
    yield from _of_acquisitions(n, setting.device)


def _data_sets(n: int) -> dict[str, TrainingData]:
    problem = problem_of(Cell(n, _D, 0, 1), seed=0)
    plain = _plain(problem)
    generator = torch.Generator().manual_seed(0)
    # A third of the points is measured again, half of all results have a known noise, and three features are the
    # indicators of a category.
    X = torch.cat([plain.X, plain.X[: n // 3]])
    X[:, :_CATEGORY] = torch.nn.functional.one_hot(X[:, :_CATEGORY].argmax(1), _CATEGORY).double()
    y = torch.cat([plain.y, plain.y[: n // 3] + 0.1 * torch.randn(n // 3, generator=generator, dtype=torch.double)])
    variance = torch.full_like(y, torch.nan)
    variance[n // 2 : n] = 0.01
    groups = FeatureGroups((_CATEGORY, *[1] * (_D - _CATEGORY)))
    return {"plain": plain, "repeated, with a category": TrainingData.of(X, y, variance, groups)}


def _plain(problem: Problem) -> TrainingData:
    y = torch.from_numpy(standardised(problem.y))
    return TrainingData.of(torch.from_numpy(problem.X), y, torch.full_like(y, torch.nan))


def _of_surrogate(what: str, data: TrainingData, kernel: KernelName, device: torch.device, *, warped: bool) -> Findings:
    """Yield the differences of log posteriors and gradients at several θ, and of predictions at the first of them."""
    g = data.groups.count
    prior = Prior(g, "firm", warped=warped)
    draws = np.random.default_rng(0).standard_normal((_PLACES, len(prior.location)))
    theta = np.clip(prior.location + 0.5 * prior.spread * draws, prior.low, prior.high)
    here, there = (LogPosterior(on, kernel, prior, jitter=LEAST_JITTER)(theta) for on in (data, data.to(device)))
    yield at_most(_PART, f"log posterior: {what}", apart(here[0], there[0]), _AGREEMENT)
    yield at_most(_PART, f"its gradient: {what}", apart(here[1], there[1]), _AGREEMENT)
    hyperparameters = Hyperparameters(torch.from_numpy(theta[:2]), g, kernel, LEAST_JITTER)
    X = torch.rand(_POINTS, data.X.shape[1], generator=torch.Generator().manual_seed(1), dtype=torch.double)
    found = [_predicted(on, hyperparameters, X) for on in (data, data.to(device))]
    for i, name in enumerate(("posterior mean", "posterior sd")):
        yield at_most(_PART, f"{name}: {what}", apart(found[0][i], found[1][i]), _AGREEMENT)


def _predicted(data: TrainingData, hyperparameters: Hyperparameters, X: Tensor) -> Sequence[np.ndarray]:
    found = Posterior.of(data, hyperparameters).averaged(X.to(data.X.device))
    return [values.cpu().numpy() for values in found]


def _of_acquisitions(n: int, device: str) -> Findings:
    """Yield the differences of scores at fixed points, with the hyperparameters that a fit on the CPU found."""
    problem = problem_of(Cell(n, _D, 4, 1), seed=2)
    question = {"X": problem.X.tolist(), "y": problem.y.tolist(), "pending": problem.pending.tolist()}
    told = Told.of({**question, "d": _D, "q": 1, "seed": 0})
    usual, history = proposer_of("default", "cpu"), told_history(told, None)
    [proposal] = propose(told.campaign, history, usual, 1)
    assert proposal.provenance is not None
    [recorded] = proposal.provenance.models.metrics.values()
    assert recorded.jitter is not None
    X = torch.rand(_POINTS, _D, generator=torch.Generator().manual_seed(3), dtype=torch.double)
    for name in ACQUISITIONS:
        scores = []
        for where in ("cpu", device):
            proposer = usual.model_copy(update={"acquisition": name, "device": where})
            asked = Asked(told.campaign, history, proposer, Encoding(told.campaign.space), (), 1)
            scores.append(_scores(asked, recorded.hyperparameters, recorded.jitter, X))
        yield at_most(_PART, f"score at {_POINTS} points: {name}, n = {n:,}", apart(*scores), _AGREEMENT)


def _scores(asked: Asked, record: dict[str, tuple[float, ...]], jitter: float, X: Tensor) -> np.ndarray:
    generator = torch.Generator().manual_seed(asked.seed)
    with torch.inference_mode():
        beliefs = {
            metric: Model.recalled(observed, asked.proposer, generator, record=record, jitter=jitter)
            for metric, observed in asked.situation.observed.items()
        }
        weighting = Weighting.fitted(asked.situation, asked.proposer, asked.share_of_cost)
        return Choice(asked, beliefs, generator, weighting, None).prepared().surface.value(X).cpu().numpy()


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference relative to the largest size, or to 1; NaN if any number is NaN."""
    return float(np.abs(a - b).max() / max(1.0, float(np.abs(a).max())))
