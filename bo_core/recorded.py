"""The models that a batch was chosen with, as they were recorded with its points."""

import math
from collections.abc import Sequence

from torch import Tensor

from overnight.bo_core.choice import Asked
from overnight.bo_core.data.state import failed_points
from overnight.bo_core.surrogate.fit import LEAST_JITTER
from overnight.bo_core.surrogate.hyperparameters import theta_of_record
from overnight.bo_core.tail_width import TAIL_WIDTHS
from overnight.bo_core.weights.weighting import costs_of
from overnight.campaign.errors import OvernightError
from overnight.campaign.history.provenance import FittedModel, Provenance

_NO_HYPERPARAMETERS = "hyperparameters are not recorded"


class NotRecorded(OvernightError):
    """What it takes to appraise a proposal was not recorded with it, as by versions before this one."""


class Contradicted(OvernightError):
    """A proposal cannot have been made as was recorded with it."""


def of_metric(provenance: Provenance, metric: str) -> FittedModel:
    """Return the model of a metric that a point was chosen with."""
    model = provenance.models.metrics.get(metric)
    if model is None:
        raise NotRecorded(_NO_HYPERPARAMETERS)
    return model


def tail_width(models: Sequence[FittedModel]) -> float | None:
    """Return the width over which bad outcomes were drawn together, the same in all of a batch."""
    found = {model.tail_width for model in models}
    if len(found) > 1 or not found <= set(TAIL_WIDTHS):
        raise Contradicted(
            f"expected one tail width of {TAIL_WIDTHS} in all of a batch, found {sorted(map(str, found))}"
        )
    return found.pop()


def theta_of_feasibility(batch: Sequence[Provenance], asked: Asked) -> Tensor | None:
    """Return the θ [1, h] of what was known of feasibility, None where nothing was or nobody asked."""
    if asked.proposer.feasibility == "ignore" or not failed_points(asked.view):
        return None
    return theta_of_all([each.models.feasibility for each in batch], asked.encoding.d)


def theta_of_cost(batch: Sequence[Provenance], asked: Asked) -> Tensor | None:
    """Return the θ [1, h] of what was known of costs, None where these did not weigh."""
    if costs_of(asked.view, asked.encoding, asked.share_of_cost) is None:
        return None
    return theta_of_all([each.models.cost for each in batch], asked.encoding.d)


def theta_of_all(models: Sequence[FittedModel | None], d: int) -> Tensor:
    """Return the θ [M, h] that all of a batch recorded."""
    records = [None if model is None else model.hyperparameters for model in models]
    record = records[0]
    if record is None:
        raise NotRecorded(_NO_HYPERPARAMETERS)
    if any(other != record for other in records):
        raise Contradicted("expected the same hyperparameters in all of a batch, found others")
    theta = theta_of_record(record, d)
    if theta is None or not bool(theta.isfinite().all()):
        raise Contradicted("expected hyperparameters of this space, found others")
    return theta


def fit_jitter(of_fit: float | None, of_choice: float | None, asked: Asked) -> float:
    """Return the jitter of the fit; where only the larger of two is known, it is the fit's if it is the least."""
    jitter = of_choice if of_fit is None else of_fit
    if jitter is not None and not 0 <= jitter < math.inf:
        raise Contradicted(f"expected a jitter of 0 or more, found {jitter}")
    if of_fit is not None:
        return of_fit
    if jitter is None or (jitter > LEAST_JITTER and asked.proposer.acquisition != "thompson_sampling"):
        raise NotRecorded("the jitter of its fit is not recorded")
    return jitter
