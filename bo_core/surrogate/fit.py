"""Fits the hyperparameters: maximum a posteriori from several starts at once, the best end kept."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bo_core.bfgs import Array, Minimum, Objective, Stopping, minimize
from bo_core.surrogate.kernel import KernelName
from bo_core.surrogate.marginal_likelihood import LogPosterior
from bo_core.surrogate.priors import Prior
from bo_core.surrogate.training_data import TrainingData
from campaign.errors import CannotPropose

_RANDOM_STARTS = 2
_JITTERS = (1e-8, 1e-6, 1e-4)
# From twice this size on, starts race on a part of the data of this size, and only the best goes on with all of them.
_PART = 100
_FIRST_STEP, _LONGEST_STEP = 1.0, 2.0
_STOPPING = Stopping(gradient=1e-4, progress=1e-7, give_up=0.3)
_PART_STOPPING = Stopping(gradient=1e-3, progress=1e-5, give_up=0.3)


@dataclass(frozen=True)
class StartEnd:
    """How one start of a fit ended: its name, its value in nats an observation, and why it stopped."""

    name: str
    value: float
    ending: str


@dataclass(frozen=True)
class Fit:
    """The best end `theta` [h] with its log posterior `value`, the jitter it took, and how each start ended."""

    theta: Tensor
    value: float
    jitter: float
    starts: tuple[StartEnd, ...]


def fit(
    data: TrainingData,
    kernel: KernelName,
    generator: torch.Generator,
    *,
    warm: Tensor | None = None,
    warped: bool = False,
    of_logarithms: bool = False,
) -> Fit:
    """Return the hyperparameters with the highest posterior density among all starts' ends.

    Starts at the priors' modes, at `warm` [h] if there is one, and at draws around the modes. Jitter grows until a
    start ends well; CannotPropose says that none did. `of_logarithms` as in LogPosterior.
    """
    prior = Prior(data.X.shape[1], warped=warped)
    names, starts = _starts(prior, generator, warm)
    for jitter in _JITTERS:
        climb = _Climb(data, kernel, prior, jitter, of_logarithms)
        theta, value, ends = climb.best_of(names, starts)
        if np.isfinite(value):
            return Fit(torch.from_numpy(theta), value, jitter, ends)
    raise CannotPropose(
        f"The surrogate could not be fitted to {len(data.y)} observations: the kernel matrix was singular from "
        f"{len(starts)} starts with jitter up to {_JITTERS[-1]:g}. Please report this with the ledger."
    )


def _starts(prior: Prior, generator: torch.Generator, warm: Tensor | None) -> tuple[list[str], Array]:
    names, starts = ["prior mode"], [prior.modes]
    if warm is not None and warm.shape == prior.modes.shape:
        names.append("last proposal")
        starts.append(warm)
    for i in range(_RANDOM_STARTS):
        names.append(f"draw {i + 1}")
        starts.append(prior.modes + torch.randn(len(prior.modes), generator=generator, dtype=torch.float64))
    return names, torch.stack(starts).numpy()


class _Climb:
    """The objective of one fit with a given jitter, in nats an observation, to be minimised."""

    def __init__(
        self, data: TrainingData, kernel: KernelName, prior: Prior, jitter: float, of_logarithms: bool
    ) -> None:
        self.data, self.prior, self.jitter, self.of_logarithms = data, prior, jitter, of_logarithms
        self.kernel: KernelName = kernel

    def best_of(self, names: list[str], starts: Array) -> tuple[Array, float, tuple[StartEnd, ...]]:
        """Return the best end [h], its log posterior, and how all ended."""
        u = len(self.data.y)
        if u < 2 * _PART:
            ends = self._minimize(self.data, starts, _STOPPING)
            return _best(names, ends, self.data.replicates)
        rows = torch.arange(_PART, device=self.data.X.device) * u // _PART
        part = self.data.part(rows)
        ends = self._minimize(part, starts, _PART_STOPPING)
        candidates, H, labels = [ends.x[ends.value.argmin()]], ends.inverse_hessian, [f"from {_PART} observations"]
        if "last proposal" in names:
            i = names.index("last proposal")
            candidates.append(starts[i])
            labels.append("last proposal")
        x = np.stack(candidates)
        value, _ = self._objective(self.data)(x, np.arange(len(x)))
        i = int(value.argmin())
        end = self._minimize(self.data, x[i : i + 1], _STOPPING, H[ends.value.argmin()][None])
        raced = _records([f"{name}, on {_PART} observations" for name in names], ends)
        theta, best, last = _best([labels[i]], end, self.data.replicates)
        return theta, best, raced + last

    def _minimize(self, data: TrainingData, starts: Array, stopping: Stopping, H: Array | None = None) -> Minimum:
        low, high = self.prior.low.numpy(), self.prior.high.numpy()
        return minimize(
            self._objective(data),
            starts,
            low,
            high,
            stopping=stopping,
            first_step=_FIRST_STEP,
            longest_step=_LONGEST_STEP,
            inverse_hessian=H,
        )

    def _objective(self, data: TrainingData) -> Objective:
        log_posterior = LogPosterior(
            data, self.kernel, self.prior, jitter=self.jitter, of_logarithms=self.of_logarithms
        )
        n, device = data.replicates, data.X.device

        def negative(x: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
            del rows
            value, gradient = log_posterior(torch.from_numpy(x).to(device))
            # One transfer for both, so that a device is waited for once an evaluation.
            both = torch.cat([value.unsqueeze(1), gradient], 1).div_(-n).cpu().numpy()
            return both[:, 0], both[:, 1:]

        return negative


def _best(names: list[str], ends: Minimum, n: float) -> tuple[Array, float, tuple[StartEnd, ...]]:
    i = int(np.nanargmin(ends.value))
    return ends.x[i], -n * float(ends.value[i]), _records(names, ends)


def _records(names: list[str], ends: Minimum) -> tuple[StartEnd, ...]:
    starts = zip(names, ends.value.tolist(), ends.endings, strict=True)
    return tuple(StartEnd(name, -value, ending) for name, value, ending in starts)
