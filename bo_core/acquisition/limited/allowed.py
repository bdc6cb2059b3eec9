"""The values of a metric that constraints allow in each draw, and the probability of a candidate to have one."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.acquisition.utility import Evaluated

_ROOT_HALF = math.sqrt(0.5)
_LOG_ROOT_2PI = 0.5 * math.log(2.0 * math.pi)

# The least and the greatest allowed value [M, 1, S] of each draw; None without such a limit.
Ends = tuple[Tensor | None, Tensor | None]


@dataclass(frozen=True)
class Threshold:
    """A limit on the scale of the model: `constant + slope · f`, f being the metric's value at the baseline."""

    constant: float
    slope: float = 0.0

    def beside(self, values: Tensor, baseline: Tensor | None) -> Tensor:
        """Return the limit [M, 1, S] in each draw of `values` [M, r, S], given those at the baseline [M, 1, S]."""
        if self.slope == 0.0:
            return values.new_full((values.shape[0], 1, values.shape[2]), self.constant)
        assert baseline is not None, "expected draws of the baseline"
        return self.constant + self.slope * baseline


@dataclass(frozen=True)
class Allowed:
    """The values of one metric that are allowed: from the highest of the `lows` to the lowest of the `highs`."""

    lows: tuple[Threshold, ...] = ()
    highs: tuple[Threshold, ...] = ()

    def is_within(self, other: "Allowed") -> bool:
        """Return whether all values allowed here are allowed by the other, as far as fixed limits show."""
        fixed = [limit.slope == 0.0 for limit in (*self.lows, *self.highs, *other.lows, *other.highs)]
        low, high = self._fixed_ends()
        least, most = other._fixed_ends()
        return all(fixed) and low >= least and high <= most

    def _fixed_ends(self) -> tuple[float, float]:
        low = max((limit.constant for limit in self.lows), default=-math.inf)
        return low, min((limit.constant for limit in self.highs), default=math.inf)

    def and_also(self, other: "Allowed") -> "Allowed":
        """Return the values that both allow."""
        return Allowed((*self.lows, *other.lows), (*self.highs, *other.highs))

    def ends(self, values: Tensor, baseline: int | None) -> Ends:
        """Return the least and the greatest allowed value [M, 1, S] of each draw; None if there is no such limit.

        `values` [M, r, S] are the metric's draws, in which the baseline has the row `baseline`.
        """
        at = None if baseline is None else values[:, baseline : baseline + 1]
        lows, highs = ([limit.beside(values, at) for limit in limits] for limits in (self.lows, self.highs))
        return torch.stack(lows).amax(0) if lows else None, torch.stack(highs).amin(0) if highs else None


def lies_within(values: Tensor, low: Tensor | None, high: Tensor | None) -> Tensor:
    """Return whether values [M, r, S] lie between limits [M, 1, S]."""
    within = torch.ones_like(values, dtype=torch.bool)
    if low is not None:
        within &= values >= low
    if high is not None:
        within &= values <= high
    return within


def log_probability_within(mean: Tensor, sd: Tensor, low: Tensor | None, high: Tensor | None) -> Evaluated:
    """Return log P(low ≤ f ≤ high) for f of means [M, b, S] and sds [M, b, 1], and its derivatives by mean and sd.

    Limits are [M, 1, S]; None means that there is no such limit.
    """
    if low is None and high is None:
        zero = torch.zeros_like(mean)
        return Evaluated(zero, zero, zero)
    if high is None:
        assert low is not None
        v = (mean - low) / sd
        value, slope = _log_cdf(v)
        return Evaluated(value, slope / sd, -v * slope / sd)
    if low is None:
        v = (high - mean) / sd
        value, slope = _log_cdf(v)
        return Evaluated(value, -slope / sd, -v * slope / sd)
    return _log_probability_between(mean, sd, low, high)


def _log_cdf(v: Tensor) -> tuple[Tensor, Tensor]:
    """Return log Φ(v) and φ(v)/Φ(v) = √(2/π) / erfcx(−v/√2), which is 0 where erfcx overflows."""
    return torch.special.log_ndtr(v), math.sqrt(2.0 / math.pi) / torch.special.erfcx(v * -_ROOT_HALF)


def _log_probability_between(mean: Tensor, sd: Tensor, low: Tensor, high: Tensor) -> Evaluated:
    """Return log(Φ(b) − Φ(a)) with a = (low − mean)/sd and b = (high − mean)/sd, and its derivatives.

    An interval above the mean is mirrored, so that the difference is one of the lower tail and loses no digits.
    """
    a, b = (low - mean) / sd, (high - mean) / sd
    mirrored = a + b > 0.0
    near, far = torch.where(mirrored, -a, b), torch.where(mirrored, -b, a)
    # far ≤ near, and |far| ≥ |near|: Φ(near) − Φ(far) = Φ(near) (1 − Φ(far)/Φ(near)).
    log_near, slope_near = _log_cdf(near)
    log_ratio = (torch.special.log_ndtr(far) - log_near).clamp(max=-1e-300)
    remainder = -torch.expm1(log_ratio)
    value = log_near + remainder.log()
    # An interval much narrower than the sd: density times width.
    width = near - far
    narrow = width * near.abs().clamp(min=1.0) < 1e-6
    middle = 0.5 * (near + far)
    value = torch.where(narrow, width.clamp(min=1e-300).log() - 0.5 * middle * middle - _LOG_ROOT_2PI, value)
    # Densities at the ends over the probability; that at the far end is the smaller one.
    at_near = torch.where(narrow, 1.0 / width.clamp(min=1e-300), slope_near / remainder)
    at_far = at_near * torch.exp(-0.5 * (far - near) * (far + near))
    # In the unmirrored order d/d mean = (φ(a) − φ(b))/(P sd) and d/d sd = (a φ(a) − b φ(b))/(P sd).
    sign = torch.where(mirrored, -1.0, 1.0)
    by_mean = torch.where(narrow, middle * sign, sign * (at_far - at_near)) / sd
    by_sd = torch.where(narrow, middle * middle - 1.0, far * at_far - near * at_near) / sd
    return Evaluated(value, by_mean, by_sd)
