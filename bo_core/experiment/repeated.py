"""Bounds on a difference that hold at all looks at once."""

import math
from collections.abc import Sequence

from overnight.bo_core.experiment.spending import Look, boundaries
from overnight.campaign.experiment.contrast import Contrast


def lower_bound(contrasts: Sequence[Contrast], alpha: float) -> float:
    """Return a lower bound of a difference at the last of its looks, which are in order; −∞ if nothing is known yet.

    The bounds at all looks are below the true difference with a probability of at least 1 − `alpha` (Jennison and
    Turnbull 1989). Looks without a plan are not counted. A difference without error is its own bound.
    """
    last = contrasts[-1] if contrasts else None
    if last is None:
        return -math.inf
    if last.exact:
        return last.value
    if last.fraction is None:
        return -math.inf
    looks = [Look(1 / each.variance, each.fraction) for each in contrasts if each.fraction is not None]
    return last.value - boundaries(looks, alpha)[-1] * math.sqrt(last.variance)
