"""Bounds on a difference that hold at all looks at once."""

import math
from collections.abc import Sequence

from overnight.bo_core.experiment.spending import Look, boundaries
from overnight.campaign.experiment.contrast import Contrast


def lower_bound(contrasts: Sequence[Contrast], alpha: float, lost: Sequence[Sequence[Contrast]] = ()) -> float:
    """Return a lower bound of a difference at the last of its looks, which are in order; −∞ if nothing is known yet.

    The looks of attempts that failed before are `lost`: their error is spent, and their data do not count.

    The bounds at all looks are below the true difference with a probability of at least 1 − `alpha` (Jennison and
    Turnbull 1989). How the error is spent over the looks does not matter for that, so the k-th of them, if its share of
    the plan is unknown, counts as k / (k + 1): something is always left for the next one. A difference without error is
    its own bound.
    """
    last = contrasts[-1] if contrasts else None
    if last is None:
        return -math.inf
    if last.exact:
        return last.value
    if not math.isfinite(last.variance):
        return -math.inf
    looks = list[Look]()
    for attempt in (*lost, contrasts):
        counted = [each for each in attempt if not each.exact and math.isfinite(each.variance)]
        numbered = enumerate(counted, len(looks) + 1)
        fractions = [k / (k + 1) if each.fraction is None else each.fraction for k, each in numbered]
        starts = [0, *[None] * len(counted)]
        looks += [Look(*each) for each in zip(informations(counted), fractions, starts, strict=False)]
    return last.value - boundaries(looks, alpha)[-1] * math.sqrt(last.variance)


def informations(contrasts: Sequence[Contrast]) -> list[float]:
    """Return the information of differences on one scale: by their units, or by their variances if some are unknown."""
    by_units = [each.information for each in contrasts if each.information is not None]
    return by_units if len(by_units) == len(contrasts) else [1 / each.variance for each in contrasts]
