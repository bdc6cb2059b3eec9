"""A result as a person tells it, read as the outcome of an evaluation."""

from collections.abc import Mapping
from typing import Any

from campaign import Campaign, EvaluationFailed, EvaluationOutcome, EvaluationSucceeded
from campaign.evaluation import read_measurement


def read_outcome(campaign: Campaign, result: Any) -> EvaluationOutcome:
    """Return the outcome that a person meant; an unusable result is an invalid one, with its message."""
    if isinstance(result, BaseException):
        return EvaluationFailed(cause="configuration", message=f"{type(result).__name__}: {result}")
    objective = campaign.objective.metric
    named = result if isinstance(result, Mapping) and "mean" not in result else {objective: result}
    missing = [name for name in campaign.expected_metrics if name not in named]
    told = f"; what was told is {dict(named)!r:.500}"
    if missing:
        expected = ", ".join(f"`{name}`" for name in missing)
        return EvaluationFailed(cause="invalid_result", message=f"expected {expected}{told}")
    try:
        metrics = {str(name): read_measurement(value) for name, value in named.items()}
    except ValueError as problem:
        return EvaluationFailed(cause="invalid_result", message=f"{problem}{told}")
    return EvaluationSucceeded(metrics=metrics)
