"""Slices: the belief about a metric along each parameter through one point."""

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.insight.lines import along, values_along, varied
from overnight.bo_core.model import Model
from overnight.bo_core.widening import WIDENING
from overnight.campaign import Point
from overnight.campaign.insight import Slice

# The most values along a continuum, and of a list that is shown in full.
_MOST_VALUES = 41
_LEAST_SD = 1e-9


def slices_through(point: Point, model: Model, encoding: Encoding) -> tuple[Slice, ...]:
    """Return the slices of all parameters that can be varied at a point, those along which the mean changes most first.

    A parameter with a single allowed value has none.
    """
    found = [slice_along(name, point, model, encoding) for name in varied(encoding, point)]
    return tuple(each for _, each in sorted((each for each in found if each is not None), key=lambda pair: -pair[0]))


def slice_along(name: str, point: Point, model: Model, encoding: Encoding) -> tuple[float, Slice] | None:
    """Return by how many standard deviations of the outcomes the mean changes along a parameter, and its slice."""
    values = values_along(encoding, name, _MOST_VALUES, also=point[name])
    points = along(encoding, point, name, values)
    allowed = [each for each in points if each is not None]
    if len(allowed) < 2:
        return None
    X = encoding.encode(allowed)
    predicted = iter(model.predictions(X, WIDENING))
    beliefs = [None if each is None else next(predicted) for each in points]
    change, certain = _change(model, X)
    return change, Slice(
        parameter=name,
        values=tuple(values),
        mean=tuple(None if each is None else each.mean for each in beliefs),
        low=tuple(None if each is None else each.low for each in beliefs),
        high=tuple(None if each is None else each.high for each in beliefs),
        certain=certain,
    )


def _change(model: Model, X: Tensor) -> tuple[float, float]:
    """Return the largest difference between the means at features X [b, d], and the probability of its sign."""
    mean, _ = model.posterior.averaged(X.to(model.device))
    ends = torch.stack([mean.argmax(), mean.argmin()])
    means, covariances = model.posterior.joint(X.to(model.device)[ends])
    apart = means[:, 0] - means[:, 1]
    variance = covariances[:, 0, 0] + covariances[:, 1, 1] - 2.0 * covariances[:, 0, 1]
    change = float(apart.mean())
    sd = float((variance.clamp(min=0.0).mean() + (apart - change).square().mean()).sqrt())
    return change, 0.5 if change <= _LEAST_SD else float(
        torch.special.ndtr(apart.mean() / max(WIDENING * sd, _LEAST_SD))
    )
