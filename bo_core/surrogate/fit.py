"""Fits the hyperparameters: maximum a posteriori from several starts that race on a part of the data first."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from bo_core.bfgs import Array, Minimum, Objective, Stopping, minimize
from bo_core.surrogate.kernel import KernelName
from bo_core.surrogate.marginal_likelihood import LogPosterior
from bo_core.surrogate.priors import Prior
from bo_core.surrogate.training_data import TrainingData
from campaign.errors import CannotPropose

_JITTERS = (1e-8, 1e-6, 1e-4)
# All starts race on so many observations at most; the winner goes on with four times as many until it has all.
_RACE = 64
_GROWTH = 4
_LEAST_GROWTH = 2
# On few observations much noise looks like roughness, and no climb with more of them leaves that explanation. So the
# second part is also climbed from what takes it for noise, unless the winner already has half as much or is the
# last proposal's explanation, which more observations found.
_MOSTLY_NOISE = np.log(0.5)
_LONGEST_STEP = 2.0
# In nats an observation and in nats of all together: what a climb may leave; and by how much, in nats of all
# together, a start must be behind to be given up.
_PROGRESS, _PROGRESS_OF_ALL = 1e-4, 0.02
_GRADIENT, _GRADIENT_OF_ALL = 1e-3, 0.1
_BEHIND = 3.0


@dataclass(frozen=True)
class StartEnd:
    """How one climb of a fit ended: where it started, on how many observations, its value in nats each, and why."""

    name: str
    observations: int
    value: float
    ending: str


@dataclass(frozen=True)
class Fit:
    """The best end `theta` [h] with its log posterior `value`, the jitter it took, and how each climb ended."""

    theta: Array
    value: float
    jitter: float
    starts: tuple[StartEnd, ...]


def fit(
    data: TrainingData,
    kernel: KernelName,
    prior: Prior,
    generator: torch.Generator,
    *,
    cold: int = 3,
    warm: Array | None = None,
) -> Fit:
    """Return the hyperparameters with the highest posterior density among all starts' ends.

    Starts at `warm` [h] if there is one, and at the middle of the prior and draws around it, `cold` in all; without
    `warm` one at least. Jitter grows until a start ends well; CannotPropose says that none did.
    """
    starts = _starts(prior, generator, cold, warm)
    for jitter in _JITTERS:
        found = _Climb(data, kernel, prior, jitter).best_of(starts, careful=cold > 0)
        if np.isfinite(found.value):
            return found
    raise CannotPropose(
        f"The surrogate could not be fitted to {len(data.y)} observations: the kernel matrix was singular from "
        f"{len(starts)} starts with jitter up to {_JITTERS[-1]:g}. Please report this with the ledger."
    )


def _starts(prior: Prior, generator: torch.Generator, cold: int, warm: Array | None) -> dict[str, Array]:
    starts: dict[str, Array] = {}
    if warm is not None and warm.shape == prior.location.shape:
        starts["last proposal"] = warm
    if cold or not starts:
        starts["middle of the prior"] = prior.location
    draws = torch.randn(max(cold - 1, 0), len(prior.location), generator=generator, dtype=torch.float64).numpy()
    return starts | {f"draw {i + 1}": prior.location + prior.spread * draw for i, draw in enumerate(draws)}


class _Climb:
    """One fit with a given jitter: the objective in nats an observation, to be minimised, and how its climbs ended."""

    def __init__(self, data: TrainingData, kernel: KernelName, prior: Prior, jitter: float) -> None:
        self.data, self.prior, self.jitter = data, prior, jitter
        self.d = data.X.shape[1]
        self.kernel: KernelName = kernel
        self.ends: list[StartEnd] = []

    def best_of(self, starts: dict[str, Array], *, careful: bool) -> Fit:
        """Return the best end: the starts race on a part, the winner and the last proposal go on with more.

        A `careful` fit also asks the second part whether it is mostly noise.
        """
        names, x = list(starts), np.stack(list(starts.values()))
        H, value = None, np.inf
        for i, data in enumerate(self._growing_parts()):
            if H is not None:
                names, x = self._better_start(data, names, x, starts)
                unasked = careful and i == 1 and names[0] != "last proposal"
                if unasked and x[0, self.d] < _MOSTLY_NOISE - np.log(2.0):
                    names, x = [*names, "mostly noise"], np.stack([x[0], self._mostly_noise()])
                    H = np.repeat(H, 2, axis=0)
            log_posterior = self._log_posterior(data)
            if H is None:
                # The objective is in nats an observation.
                H = data.replicates * log_posterior.normal_covariance(x)
            end = self._minimize(log_posterior, x, H)
            self._record(names, len(data.y), end)
            best = int(np.argmin(end.value))
            names, x, H = [names[best]], end.x[best : best + 1], end.inverse_hessian[best : best + 1]
            value = float(end.value[best])
        return Fit(x[0], -self.data.replicates * value, self.jitter, tuple(self.ends))

    def _log_posterior(self, data: TrainingData) -> LogPosterior:
        return LogPosterior(data, self.kernel, self.prior, jitter=self.jitter)

    def _mostly_noise(self) -> Array:
        start = self.prior.location.copy()
        start[self.d] = _MOSTLY_NOISE
        return start

    def _growing_parts(self) -> list[TrainingData]:
        """Return evenly spaced parts of the data, each larger than the one before, and all of them at last."""
        u, device = len(self.data.y), self.data.X.device
        counts = []
        while u > _LEAST_GROWTH * _RACE * _GROWTH ** len(counts):
            counts.append(_RACE * _GROWTH ** len(counts))
        return [self.data.part(torch.arange(c, device=device) * u // c) for c in counts] + [self.data]

    def _record(self, names: list[str], count: int, end: Minimum) -> None:
        for name, value, ending in zip(names, end.value.tolist(), end.endings, strict=True):
            self.ends.append(StartEnd(name, count, -value, ending))

    def _better_start(
        self, data: TrainingData, names: list[str], x: Array, starts: dict[str, Array]
    ) -> tuple[list[str], Array]:
        """Return the last proposal's hyperparameters where they suit the larger part better than the smaller one's."""
        warm = starts.get("last proposal")
        if warm is None:
            return names, x
        # One after the other: together they would take twice the memory.
        value, of_warm = (float(self._log_posterior(data)(theta[None])[0][0]) for theta in (x[0], warm))
        return (names, x) if value >= of_warm else (["last proposal"], warm[None])

    def _minimize(self, log_posterior: LogPosterior, starts: Array, H: Array) -> Minimum:
        n = log_posterior.data.replicates
        stopping = Stopping(
            gradient=min(_GRADIENT, _GRADIENT_OF_ALL / n),
            progress=min(_PROGRESS, _PROGRESS_OF_ALL / n),
            give_up=_BEHIND / n,
        )
        return minimize(
            _negative(log_posterior),
            starts,
            self.prior.low,
            self.prior.high,
            stopping=stopping,
            longest_step=_LONGEST_STEP,
            inverse_hessian=H,
        )


def _negative(log_posterior: LogPosterior) -> Objective:
    """Return the objective to minimise, in nats an observation."""
    n = log_posterior.data.replicates

    def negative(x: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        del rows
        value, gradient = log_posterior(x)
        return value / -n, gradient / -n

    return negative
