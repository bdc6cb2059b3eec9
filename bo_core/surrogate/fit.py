"""Fit the hyperparameters: maximum a posteriori from several starts that race on part of the data first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from overnight.bo_core.search.bfgs import Array, Ending, Objective, Stopping, minimize
from overnight.bo_core.surrogate.kernel import KernelName
from overnight.bo_core.surrogate.marginal_likelihood import LogPosterior
from overnight.bo_core.surrogate.priors import Prior
from overnight.bo_core.surrogate.training_data import TrainingData
from overnight.campaign.errors import ModelFailed

_LAST, _MIDDLE = "last proposal", "middle of the prior"
LEAST_JITTER = 1e-8
_JITTERS = (LEAST_JITTER, 1e-6, 1e-4)
# All starts race on so many observations at most; the best ends go on with twice as many, and twice again while all are
# twice as many at least, and then with all.
_RACE = 64
_GROWTH = 2
# On few observations much noise looks like roughness, and no climb with more of them leaves that explanation. So the
# second part is also climbed from what takes it for noise, unless an end of the race has half as much already or
# the race was won by the last proposal's explanation, which more observations found.
_MOSTLY_NOISE = np.log(0.5)
_LONGEST_STEP = 2.0
# In nats an observation and in nats of all together: what a climb may leave.
_PROGRESS, _PROGRESS_OF_ALL = 3e-5, 0.02
_GRADIENT, _GRADIENT_OF_ALL = 1e-3, 0.1
# In nats of all together: how far behind the best a climb is given up and an end does not go on with more data; and how
# close to it an end is taken for the same one. How many go on.
_BEHIND = 10.0
_SAME = 0.1
_CONTENDERS = 2
# Of so many observations on, one parameter after the other is given the log length scale at which it counts; which of
# them costs a part of so many the least is tried on all data.
_FEWEST_FOR_A_SECOND_LOOK, _SECOND_LOOK = 512, 256
_COUNTS, _COUNTS_FOR_LITTLE = 0.25, 1.0


@dataclass(frozen=True)
class StartEnd:
    """How one climb of a fit ended: where it started, on how many distinct observations, its value, and why.

    The value is in nats a replicate.
    """

    name: str
    observations: int
    value: float
    ending: Ending


@dataclass(frozen=True)
class Start:
    """Where a climb begins: hyperparameters `theta` [h] and, if known, the inverse Hessian [h, h] of −value/n there.

    The name is kept by whatever a climb from there finds.
    """

    name: str
    theta: Array
    inverse_hessian: Array | None = None


@dataclass(frozen=True)
class Fit:
    """The best end with its log posterior `value`, the jitter it took, and how each climb ended.

    It was fitted to so many distinct `observations`. After the best, `contenders` hold an end that more of them may
    prefer: one of another value, within 10 nats.
    """

    contenders: tuple[Start, ...]
    value: float
    jitter: float
    observations: int
    starts: tuple[StartEnd, ...]

    @property
    def theta(self) -> Array:
        """Return the best hyperparameters [h]."""
        return self.contenders[0].theta


def fit(
    data: TrainingData,
    kernel: KernelName,
    prior: Prior,
    generator: torch.Generator,
    *,
    cold: int = 3,
    warm: Array | None = None,
    second_look: bool = True,
) -> Fit:
    """Return the hyperparameters with the highest posterior density among all starts' ends.

    Starts at `warm` [h] if there is one, and at the middle of the prior and draws around it, `cold` in all; without
    `warm` one at least. With several cold starts it is also asked whether the data are mostly noise. A `second_look`
    asks many data whether a parameter that counts for little at the best end should count. Jitter grows until a start
    ends well; ModelFailed says that none did.
    """
    starts = _starts(prior, generator, cold, warm)

    def climbed(jitter: float) -> Fit:
        climb = _Climb(data, kernel, prior, jitter, warm)
        found = climb.from_starts(starts, careful=cold > 1)
        return climb.looked_at_again(found) if second_look else found

    return _with_least_jitter(data, _JITTERS, climbed)


def fit_onward(
    data: TrainingData,
    kernel: KernelName,
    prior: Prior,
    of_part: Fit,
    *,
    warm: Array | None = None,
    second_look: bool = True,
) -> Fit:
    """Return the fit to data from where the fit `of_part` to a part of them ended, or from `warm` [h] if it is better.

    The `second_look` and what is raised are as in `fit`.
    """

    def climbed(jitter: float) -> Fit:
        climb = _Climb(data, kernel, prior, jitter, warm)
        found = climb.onward(of_part)
        return climb.looked_at_again(found) if second_look else found

    return _with_least_jitter(data, [jitter for jitter in _JITTERS if jitter >= of_part.jitter], climbed)


def _with_least_jitter(data: TrainingData, jitters: Sequence[float], climbed: Callable[[float], Fit]) -> Fit:
    for jitter in jitters:
        found = climbed(jitter)
        if np.isfinite(found.value):
            return found
    raise ModelFailed(
        f"The surrogate could not be fitted to {len(data.y)} observations: the kernel matrix was singular from "
        f"every start with jitter up to {jitters[-1]:g}. Please report this with the ledger."
    )


def cold_normals(prior: Prior, generator: torch.Generator, cold: int) -> Array:
    """Return the standard normal numbers [cold − 1, h] that a fit with so many cold starts takes from the generator."""
    shape = max(cold - 1, 0), len(prior.location)
    return torch.randn(shape, generator=generator, dtype=torch.float64).numpy()


def _starts(prior: Prior, generator: torch.Generator, cold: int, warm: Array | None) -> list[Start]:
    starts = [] if warm is None else [Start(_LAST, np.clip(warm, prior.low, prior.high))]
    if cold or not starts:
        starts.append(Start(_MIDDLE, prior.location))
    normals = cold_normals(prior, generator, cold)
    draws = np.clip(prior.location + prior.spread * normals, prior.low, prior.high)
    return starts + [Start(f"draw {i + 1}", draw) for i, draw in enumerate(draws)]


class _Climb:
    """One fit with a given jitter: the objective in nats an observation, to be minimised, and how its climbs ended."""

    def __init__(self, data: TrainingData, kernel: KernelName, prior: Prior, jitter: float, warm: Array | None) -> None:
        self.data, self.prior, self.jitter = data, prior, jitter
        self.warm = None if warm is None else np.clip(warm, prior.low, prior.high)
        self.kernel: KernelName = kernel
        self.ends: list[StartEnd] = []

    def from_starts(self, starts: Sequence[Start], *, careful: bool) -> Fit:
        """Return the best end: the starts race on a part, the best go on with more.

        The last proposal's explanation alone does not race. A `careful` fit also asks the second part whether it is
        mostly noise.
        """
        if [start.name for start in starts] == [_LAST]:
            return self._climbed(self.data, starts)
        first, *others = self._parts(_RACE)
        return self._with_more(others, self._climbed(first, starts), careful=careful)

    def onward(self, of_part: Fit) -> Fit:
        """Return the best end of climbs from where a fit to a part ended."""
        self.ends += of_part.starts
        return self._with_more(self._parts(_GROWTH * of_part.observations), of_part, careful=False)

    def looked_at_again(self, found: Fit) -> Fit:
        """Return an end at which one parameter more counts, where there is a better one, else what was found.

        A parameter whose length scale is long counts for nothing, and then no gradient says that it should. On few
        observations a climb easily takes that way; with many there is a maximum at either side.
        """
        d, u = self.data.X.shape[1], len(self.data.y)
        if u < _FEWEST_FOR_A_SECOND_LOOK or not np.isfinite(found.value):
            return found
        part = self.data.part(torch.arange(_SECOND_LOOK, device=self.data.X.device) * u // _SECOND_LOOK)
        of_part, of_all = self._log_posterior(part), self._log_posterior(self.data)
        for _ in range(d):
            little = np.flatnonzero(found.theta[:d] > _COUNTS_FOR_LITTLE)
            if not len(little):
                return found
            moved = np.repeat(found.theta[None], len(little), axis=0)
            moved[np.arange(len(little)), little] = _COUNTS
            likeliest = int(of_part(moved)[0].argmax())
            if _value(of_all, moved[likeliest]) <= found.value:
                return found
            name = f"{found.contenders[0].name}, one parameter more"
            found = self._climbed(self.data, [Start(name, moved[likeliest])])
        return found

    def _parts(self, least: int) -> list[TrainingData]:
        """Return evenly spaced parts of the data, `least` and each twice the one before, all of them at last."""
        u, device = len(self.data.y), self.data.X.device
        counts: list[int] = []
        while _GROWTH * least <= u:
            counts.append(least)
            least *= _GROWTH
        return [self.data.part(torch.arange(c, device=device) * u // c) for c in counts] + [self.data]

    def _with_more(self, parts: list[TrainingData], found: Fit, *, careful: bool) -> Fit:
        """Return the end of climbs on growing parts; the last proposal's explanation, if better, goes to all data."""
        for data in parts:
            log_posterior, contenders = self._log_posterior(data), list(found.contenders)
            if self.warm is not None:
                found_here = max(_value(log_posterior, contender.theta) for contender in contenders)
                if _value(log_posterior, self.warm) > found_here:
                    return self._climbed(self.data, [Start(_LAST, self.warm)])
            careful = careful and contenders[0].name != _LAST
            if careful and all(self._log_noise(c.theta) < _MOSTLY_NOISE - np.log(2.0) for c in contenders):
                contenders.append(self._mostly_noise())
            careful = False
            found = self._climbed(data, contenders)
        return found

    def _log_noise(self, theta: Array) -> float:
        return theta[self.data.X.shape[1]]

    def _mostly_noise(self) -> Start:
        start = self.prior.location.copy()
        start[self.data.X.shape[1]] = _MOSTLY_NOISE
        return Start("mostly noise", start)

    def _climbed(self, data: TrainingData, starts: Sequence[Start]) -> Fit:
        """Return the ends of climbs from these starts."""
        log_posterior, n, u = self._log_posterior(data), data.replicates, len(data.y)
        stopping = Stopping(
            gradient=min(_GRADIENT, _GRADIENT_OF_ALL / n),
            progress=min(_PROGRESS, _PROGRESS_OF_ALL / n),
            give_up=_BEHIND / n,
        )
        end = minimize(
            _negative(log_posterior),
            np.stack([start.theta for start in starts]),
            self.prior.low,
            self.prior.high,
            stopping=stopping,
            longest_step=_LONGEST_STEP,
            inverse_hessian=np.stack([_inverse_hessian(start, log_posterior) for start in starts]),
        )
        for start, value, ending in zip(starts, end.value.tolist(), end.endings, strict=True):
            self.ends.append(StartEnd(start.name, u, -value, ending))
        first, *others = np.argsort(end.value).tolist()
        low, high = end.value[first] + _SAME / n, end.value[first] + _BEHIND / n
        going_on = [first, *(i for i in others if low < end.value[i] < high)][:_CONTENDERS]
        # Where a climb got stuck its curvature is worth nothing.
        H = [None if end.endings[i] == "no progress" else end.inverse_hessian[i] for i in going_on]
        contenders = tuple(Start(starts[i].name, end.x[i], known) for i, known in zip(going_on, H, strict=True))
        return Fit(contenders, -n * float(end.value[first]), self.jitter, u, tuple(self.ends))

    def _log_posterior(self, data: TrainingData) -> LogPosterior:
        return LogPosterior(data, self.kernel, self.prior, jitter=self.jitter)


def _inverse_hessian(start: Start, log_posterior: LogPosterior) -> Array:
    """Return what is known of it [h, h], else what the data are expected to say, in nats an observation."""
    if start.inverse_hessian is not None:
        return start.inverse_hessian
    return log_posterior.data.replicates * log_posterior.normal_covariance(start.theta)


def _value(log_posterior: LogPosterior, theta: Array) -> float:
    return float(log_posterior(theta[None])[0][0])


def _negative(log_posterior: LogPosterior) -> Objective:
    """Return the objective to minimise, in nats an observation."""
    n = log_posterior.data.replicates

    def negative(x: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        del rows
        value, gradient = log_posterior(x)
        return value / -n, gradient / -n

    return negative
