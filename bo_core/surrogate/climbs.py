"""Climb from the starts of a fit to hyperparameters of high posterior density, on more and more of the data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from overnight.bo_core.search.bfgs import Array, Ending, Objective, Stopping, minimize
from overnight.bo_core.surrogate.kernel import KernelName
from overnight.bo_core.surrogate.marginal_likelihood import LogPosterior
from overnight.bo_core.surrogate.neighbourhoods import NeighbourhoodLogPosterior
from overnight.bo_core.surrogate.priors import Prior
from overnight.bo_core.surrogate.training_data import TrainingData

LAST = "last proposal"
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
# Many observations are fitted in neighbourhoods once a part is an eighth of them. Climbs then end at these tolerances,
# in nats per observation, and those on all of them after at most this many steps.
_LARGEST_PART, _MOST_STEPS = 8, 60
_FOR_MANY = Stopping(gradient=1e-4, progress=3e-4)


Density = LogPosterior | NeighbourhoodLogPosterior
# A function from the present θ [h] to the density that is climbed next.
Stage = Callable[[Array], Density]


@dataclass(frozen=True)
class StartEnd:
    """The end of one climb of a fit: its start, the number of distinct observations, its value, and the reason.

    The value is in nats per replicate.
    """

    name: str
    observations: int
    value: float
    ending: Ending | Literal["kept"]


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


class Climb:
    """One fit with a given jitter: the objective in nats per observation, to be minimised, and how its climbs ended."""

    def __init__(self, data: TrainingData, kernel: KernelName, prior: Prior, jitter: float, warm: Array | None) -> None:
        self.data, self.prior, self.jitter = data, prior, jitter
        self.warm = None if warm is None else np.clip(warm, prior.low, prior.high)
        self.kernel: KernelName = kernel
        self.ends: list[StartEnd] = []
        # The density that was climbed last.
        self.density: Density = self._log_posterior(data)

    def from_starts(self, starts: Sequence[Start], *, careful: bool) -> Fit:
        """Return the best end: the starts race on a part, and the best continue with more data.

        If the last proposal's explanation is the only start, there is no race. A `careful` fit also tests on the second
        part whether it is mostly noise.
        """
        if [start.name for start in starts] == [LAST]:
            return self.climbed_on(self._all(starts[0].theta), starts)
        race, *others = self._stages(_RACE)
        return self._with_more(others, self.climbed_on(race(starts[0].theta), starts), careful=careful)

    def onward(self, of_part: Fit) -> Fit:
        """Return the best end of climbs from the ends of a fit to a part."""
        self.ends += of_part.starts
        return self._with_more(self._stages(_GROWTH * of_part.observations), of_part, careful=False)

    def finished(self, found: Fit, *, second_look: bool) -> Fit:
        """Return the end on all data; of many, that of climbs from the end of the fit to neighbourhoods."""
        if self.data.many and np.isfinite(found.value):
            for density in (self._neighbourhoods(found.theta, halvings=1), self._log_posterior(self.data)):
                found = self.climbed_on(density, found.contenders[:1])
        return self._second_look(found) if second_look else found

    def _second_look(self, found: Fit) -> Fit:
        """Return a better end at which one more parameter counts, if there is one, otherwise the given one.

        A parameter with a long length scale has no effect, and then no gradient shows that it should. On few
        observations a climb easily goes there; with many, there is a maximum on either side.
        """
        g, u = self.data.groups.count, len(self.data.y)
        if u < _FEWEST_FOR_A_SECOND_LOOK or not np.isfinite(found.value):
            return found
        part = self.data.part(torch.arange(_SECOND_LOOK, device=self.data.X.device) * u // _SECOND_LOOK)
        of_part, of_all = self._log_posterior(part), self.density
        for _ in range(g):
            little = np.flatnonzero(found.theta[:g] > _COUNTS_FOR_LITTLE)
            if not len(little):
                return found
            moved = np.repeat(found.theta[None], len(little), axis=0)
            moved[np.arange(len(little)), little] = _COUNTS
            likeliest = int(of_part(moved)[0].argmax())
            if value_at(of_all, moved[likeliest]) <= found.value:
                return found
            name = f"{found.contenders[0].name}, one parameter more"
            found = self.climbed_on(of_all, [Start(name, moved[likeliest])])
        return found

    def _stages(self, least: int) -> list[Stage]:
        """Return what is climbed: evenly spaced parts of the data, each twice the one before, and finally all of them.

        The first part has `least` observations.
        """
        u, device = len(self.data.y), self.data.X.device
        room = _LARGEST_PART if self.data.many else _GROWTH
        stages: list[Stage] = []
        while room * least <= u:
            part = self._log_posterior(self.data.part(torch.arange(least, device=device) * u // least))
            stages.append(lambda theta, part=part: part)
            least *= _GROWTH
        return [*stages, self._all]

    def _all(self, theta: Array) -> Density:
        """Return the density of θ given all data; of many, given neighbourhoods that are found with the present θ."""
        if not self.data.many:
            return self._log_posterior(self.data)
        return self._neighbourhoods(theta, halvings=2)

    def _neighbourhoods(self, near: Array, *, halvings: int) -> NeighbourhoodLogPosterior:
        return NeighbourhoodLogPosterior(
            self.data, self.kernel, self.prior, jitter=self.jitter, near=near, halvings=halvings
        )

    def _with_more(self, stages: list[Stage], found: Fit, *, careful: bool) -> Fit:
        """Return the end of climbs on growing parts; the last proposal's explanation, if better, goes to all data."""
        for stage in stages:
            log_posterior, contenders = stage(found.theta), list(found.contenders)
            if self.warm is not None:
                found_here = max(value_at(log_posterior, contender.theta) for contender in contenders)
                if value_at(log_posterior, self.warm) > found_here:
                    return self.climbed_on(self._all(self.warm), [Start(LAST, self.warm)])
            careful = careful and contenders[0].name != LAST
            if careful and all(self._log_noise(c.theta) < _MOSTLY_NOISE - np.log(2.0) for c in contenders):
                contenders.append(self._mostly_noise())
            careful = False
            found = self.climbed_on(log_posterior, contenders)
        return found

    def _log_noise(self, theta: Array) -> float:
        return theta[self.data.groups.count]

    def _mostly_noise(self) -> Start:
        start = self.prior.location.copy()
        start[self.data.groups.count] = _MOSTLY_NOISE
        return Start("mostly noise", start)

    def climbed_on(self, log_posterior: Density, starts: Sequence[Start], most_steps: int | None = None) -> Fit:
        """Return the ends of climbs from these starts, after at most so many steps."""
        n, u = log_posterior.data.replicates, len(log_posterior.data.y)
        self.density = log_posterior
        end = minimize(
            _negative(log_posterior),
            np.stack([start.theta for start in starts]),
            self.prior.low,
            self.prior.high,
            stopping=replace(self._stopping(n), give_up=_BEHIND / n),
            max_rounds=most_steps or (_MOST_STEPS if log_posterior.data.many and u == len(self.data.y) else 200),
            longest_step=_LONGEST_STEP,
            inverse_hessian=np.stack([_inverse_hessian(start, log_posterior) for start in starts]),
        )
        blocks = len(log_posterior.blocks) if isinstance(log_posterior, NeighbourhoodLogPosterior) else 1
        for start, value, ending in zip(starts, end.value.tolist(), end.endings, strict=True):
            name = start.name if blocks == 1 else f"{start.name}, {blocks} neighbourhoods"
            self.ends.append(StartEnd(name, u, -value, ending))
        first, *others = np.argsort(end.value).tolist()
        low, high = end.value[first] + _SAME / n, end.value[first] + _BEHIND / n
        going_on = [first, *(i for i in others if low < end.value[i] < high)][:_CONTENDERS]
        # The curvature at the end of a climb that got stuck is worthless.
        H = [None if end.endings[i] == "no progress" else end.inverse_hessian[i] for i in going_on]
        contenders = tuple(Start(starts[i].name, end.x[i], known) for i, known in zip(going_on, H, strict=True))
        return Fit(contenders, -n * float(end.value[first]), self.jitter, u, tuple(self.ends))

    def _stopping(self, n: float) -> Stopping:
        if self.data.many:
            return _FOR_MANY
        return Stopping(min(_GRADIENT, _GRADIENT_OF_ALL / n), min(_PROGRESS, _PROGRESS_OF_ALL / n))

    def _log_posterior(self, data: TrainingData) -> LogPosterior:
        return LogPosterior(data, self.kernel, self.prior, jitter=self.jitter)


def _inverse_hessian(start: Start, log_posterior: Density) -> Array:
    """Return the known inverse Hessian [h, h], or the one expected from the data, in nats per observation."""
    if start.inverse_hessian is not None:
        return start.inverse_hessian
    return log_posterior.data.replicates * log_posterior.normal_covariance(start.theta)


def value_at(log_posterior: Density, theta: Array) -> float:
    """Return the log density at θ [h]."""
    return float(log_posterior(theta[None])[0][0])


def _negative(log_posterior: Density) -> Objective:
    """Return the objective to minimise, in nats per observation."""
    n = log_posterior.data.replicates

    def negative(x: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        del rows
        value, gradient = log_posterior(x)
        return value / -n, gradient / -n

    return negative
