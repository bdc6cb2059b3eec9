"""Fit the hyperparameters: maximum a posteriori from several starts that first race on part of the data."""

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
# All starts race on at most this many observations. The best ends continue with twice as many, and so on as long as at
# least twice as many exist, and finally with all.
_RACE = 64
_GROWTH = 2
# On few observations much noise looks like roughness, and no climb with more of them leaves that explanation. So the
# second part is also climbed from a start that explains it as noise, unless an end of the race has half as much noise
# already, or the race was won by the last proposal's explanation, which more observations found.
_MOSTLY_NOISE = np.log(0.5)
_LONGEST_STEP = 2.0
# The tolerances of a climb, in nats per observation and in nats in total.
_PROGRESS, _PROGRESS_OF_ALL = 3e-5, 0.02
_GRADIENT, _GRADIENT_OF_ALL = 1e-3, 0.1
# In nats in total: how far behind the best a climb is given up, and an end does not continue with more data; how close
# to the best an end counts as the same one. The number of ends that continue.
_BEHIND = 10.0
_SAME = 0.1
_CONTENDERS = 2
# The fewest observations for a second look, and the size of the part that it uses first. Each parameter that counts for
# little is moved to the log length scale at which it counts, one at a time. The one for which this costs least on the
# part is then tried on all data.
_FEWEST_FOR_A_SECOND_LOOK, _SECOND_LOOK = 512, 256
_COUNTS, _COUNTS_FOR_LITTLE = 0.25, 1.0


@dataclass(frozen=True)
class StartEnd:
    """The end of one climb of a fit: its start, the number of distinct observations, its value, and the reason.

    The value is in nats per replicate.
    """

    name: str
    observations: int
    value: float
    ending: Ending


@dataclass(frozen=True)
class Start:
    """The start of a climb: hyperparameters `theta` [h] and, if known, the inverse Hessian [h, h] of −value/n there.

    The end of a climb from there keeps the name.
    """

    name: str
    theta: Array
    inverse_hessian: Array | None = None


@dataclass(frozen=True)
class Fit:
    """The best end with its log posterior `value`, the jitter it needed, and how each climb ended.

    It was fitted to `observations` distinct observations. After the best, `contenders` holds an end that more of them
    may prefer: one with another value, within 10 nats.
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
    """Return the hyperparameters with the highest posterior density among the ends of all starts.

    Climbs start at `warm` [h] if there is one, and at `cold` further places: the middle of the prior and draws around
    it; without `warm` there is at least one. With several cold starts, the fit also tests whether the data are mostly
    noise. A `second_look` tests on many data whether a parameter that counts for little at the best end should count.
    Jitter grows until a start ends well; raises ModelFailed if none does.
    """
    starts = _starts(prior, generator, cold, warm)

    def climbed(jitter: float) -> Fit:
        climb = _Climb(data, kernel, prior, jitter, warm)
        found = climb.from_starts(starts, careful=cold > 1)
        return climb.second_look(found) if second_look else found

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
    """Return the fit to data, from the end of the fit `of_part` to a part, or from `warm` [h] if that is better.

    `second_look` and the exceptions are as in `fit`.
    """

    def climbed(jitter: float) -> Fit:
        climb = _Climb(data, kernel, prior, jitter, warm)
        found = climb.onward(of_part)
        return climb.second_look(found) if second_look else found

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
    """Return the standard normal numbers [cold − 1, h] that a fit with `cold` cold starts takes from the generator."""
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
    """One fit with a given jitter: the objective in nats per observation, to be minimised, and how its climbs ended."""

    def __init__(self, data: TrainingData, kernel: KernelName, prior: Prior, jitter: float, warm: Array | None) -> None:
        self.data, self.prior, self.jitter = data, prior, jitter
        self.warm = None if warm is None else np.clip(warm, prior.low, prior.high)
        self.kernel: KernelName = kernel
        self.ends: list[StartEnd] = []

    def from_starts(self, starts: Sequence[Start], *, careful: bool) -> Fit:
        """Return the best end: the starts race on a part, and the best continue with more data.

        If the last proposal's explanation is the only start, there is no race. A `careful` fit also tests on the second
        part whether it is mostly noise.
        """
        if [start.name for start in starts] == [_LAST]:
            return self._climbed(self.data, starts)
        first, *others = self._parts(_RACE)
        return self._with_more(others, self._climbed(first, starts), careful=careful)

    def onward(self, of_part: Fit) -> Fit:
        """Return the best end of climbs from the ends of a fit to a part."""
        self.ends += of_part.starts
        return self._with_more(self._parts(_GROWTH * of_part.observations), of_part, careful=False)

    def second_look(self, found: Fit) -> Fit:
        """Return a better end at which one more parameter counts, if there is one, otherwise the given one.

        A parameter with a long length scale has no effect, and then no gradient shows that it should. On few
        observations a climb easily goes there; with many, there is a maximum on either side.
        """
        g, u = self.data.groups.count, len(self.data.y)
        if u < _FEWEST_FOR_A_SECOND_LOOK or not np.isfinite(found.value):
            return found
        part = self.data.part(torch.arange(_SECOND_LOOK, device=self.data.X.device) * u // _SECOND_LOOK)
        of_part, of_all = self._log_posterior(part), self._log_posterior(self.data)
        for _ in range(g):
            little = np.flatnonzero(found.theta[:g] > _COUNTS_FOR_LITTLE)
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
        """Return evenly spaced parts of the data: `least`, each twice the one before, and finally all of them."""
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
        return theta[self.data.groups.count]

    def _mostly_noise(self) -> Start:
        start = self.prior.location.copy()
        start[self.data.groups.count] = _MOSTLY_NOISE
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
        # The curvature at the end of a climb that got stuck is worthless.
        H = [None if end.endings[i] == "no progress" else end.inverse_hessian[i] for i in going_on]
        contenders = tuple(Start(starts[i].name, end.x[i], known) for i, known in zip(going_on, H, strict=True))
        return Fit(contenders, -n * float(end.value[first]), self.jitter, u, tuple(self.ends))

    def _log_posterior(self, data: TrainingData) -> LogPosterior:
        return LogPosterior(data, self.kernel, self.prior, jitter=self.jitter)


def _inverse_hessian(start: Start, log_posterior: LogPosterior) -> Array:
    """Return the known inverse Hessian [h, h], or the one expected from the data, in nats per observation."""
    if start.inverse_hessian is not None:
        return start.inverse_hessian
    return log_posterior.data.replicates * log_posterior.normal_covariance(start.theta)


def _value(log_posterior: LogPosterior, theta: Array) -> float:
    return float(log_posterior(theta[None])[0][0])


def _negative(log_posterior: LogPosterior) -> Objective:
    """Return the objective to minimise, in nats per observation."""
    n = log_posterior.data.replicates

    def negative(x: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        del rows
        value, gradient = log_posterior(x)
        return value / -n, gradient / -n

    return negative
