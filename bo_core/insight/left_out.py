"""Leave-one-out cross-validation: each result predicted from all others, and the calibration of the predictions."""

from collections.abc import Mapping

import torch
from torch import Tensor

from overnight.bo_core.model import Model
from overnight.bo_core.surrogate import Posterior
from overnight.bo_core.surrogate.distance import DistanceBelief
from overnight.bo_core.surrogate.errors import Shortfall
from overnight.bo_core.surrogate.leave_one_out import predicted_left_out
from overnight.bo_core.target_prediction import metric_prediction
from overnight.bo_core.widening import WIDENING
from overnight.campaign.contexts.context import in_it
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.insight import LeftOut, LeftOutResult
from overnight.campaign.parameters import Value

# Fewer results cannot judge a model.
_FEWEST = 5
_LEAST_VARIANCE = 1e-18


def left_out(metric: str, model: Model, given: Mapping[str, Value]) -> LeftOut | None:
    """Return each result predicted from all others; None for too few results, and for a model of the campaign's own.

    Repetitions of a point are left out together. With a fidelity, only results at full fidelity are predicted, and in a
    context, which is `given`, only its own. The hyperparameters and the constant mean stay those of all results, so the
    predictions are slightly flattered. The part of a deviation that is not noise is widened, as in all intervals that
    people see.
    """
    belief, target = model.posterior, model.observed.target
    of_metric = belief.metric if isinstance(belief, DistanceBelief) else belief
    if not isinstance(of_metric, Posterior):
        return None
    trials = _trials(model, given)
    rows = [row for row, trial in enumerate(trials) if trial is not None]
    if len(rows) < _FEWEST:
        return None
    y = (of_metric.y if of_metric.y.dim() == 1 else of_metric.y[0])[rows].cpu()
    means, variances = (each[:, rows].cpu() for each in predicted_left_out(of_metric))
    noise = of_metric.noise[:, rows].cpu()
    mean, of_noise = means.mean(0), noise.mean(0)
    latent = (variances - noise).clamp(min=0.0).mean(0) + (means - mean).square().mean(0)
    sd = (WIDENING**2 * latent + of_noise).sqrt()
    results = [
        _result(model, trial, *values)
        for trial, values in zip(
            (trial for trial in trials if trial is not None),
            torch.stack([y, mean, sd], 1).tolist(),
            strict=True,
        )
    ]
    variance = float(y.var(unbiased=False).clamp(min=_LEAST_VARIANCE))
    return LeftOut(
        metric=metric if target is None else target.metric,
        results=tuple(results),
        explained=_explained(y, mean),
        noise=min(float(of_noise.mean()) / variance, 1.0),
    )


def _trials(model: Model, given: Mapping[str, Value]) -> list[int | None]:
    """Return the first trial at each distinct observation.

    None for estimates, for results below full fidelity, and for those of other contexts, which are on another scale.
    """
    missing = model.observed.missing
    lowest = min(missing, default=0.0) if missing is not None else 0.0
    first = dict[tuple[float, ...], int]()
    for i, (trial, x) in enumerate(zip(model.observed.trials, model.observed.X.tolist(), strict=True)):
        if trial.measured and in_it(trial.point, given) and (missing is None or missing[i] == 0.0):
            first.setdefault(tuple(x), trial.id)
    errors = model.data.errors
    full = (errors.missing == lowest).tolist() if isinstance(errors, Shortfall) else [True] * len(model.data.X)
    return [first.get(tuple(x)) if whole else None for x, whole in zip(model.data.X.tolist(), full, strict=True)]


def _result(model: Model, trial: int, y: float, mean: float, sd: float) -> LeftOutResult:
    outcomes = model.observed.outcomes
    found: Prediction
    if outcomes.wanted is not None:
        found, measured = metric_prediction(outcomes, mean, sd), outcomes.metric_in_units(y)
    else:
        low, high = outcomes.interval_in_units(mean, sd)
        found, measured = Prediction(mean=outcomes.mean_in_units(mean), low=low, high=high), outcomes.mean_in_units(y)
    low, high = sorted((found.low or 0.0, found.high or 0.0))
    return LeftOutResult(trial=trial, measured=measured, predicted=found.mean, low=low, high=high)


def _explained(y: Tensor, mean: Tensor) -> float:
    """Return the share of the squared errors of the means of all others that predictions of y [n] avoid."""
    n = len(y)
    of_others = (y.sum() - y) / (n - 1)
    total = float((y - of_others).square().sum())
    return 1.0 - float((y - mean).square().sum()) / total if total > _LEAST_VARIANCE else 0.0
