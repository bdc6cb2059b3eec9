"""What is said between the campaign and whoever tries a point: the request and its outcome."""

import math
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from campaign.space import Point

# What is nested deeper than twice that can be written but never read again.
_DEEPEST = 100


def _writable(text: str) -> str:
    return text.encode("utf-8", errors="replace").decode("utf-8")


def _all_writable(value: Any, levels: int = _DEEPEST) -> Any:
    if isinstance(value, str):
        return _writable(value)
    if not isinstance(value, dict | list | tuple):
        return value
    if levels == 0:
        raise ValueError(f"expected lists and objects within each other at most {_DEEPEST} deep, found deeper ones")
    if isinstance(value, dict):
        return {_all_writable(key): _all_writable(item, levels - 1) for key, item in value.items()}
    return type(value)(_all_writable(item, levels - 1) for item in value)


# Half a character, as in what a broken program prints, cannot be stored anywhere.
Message = Annotated[str, AfterValidator(_writable)]
MetricName = Annotated[str, AfterValidator(_writable)]
Artifact = Annotated[str, AfterValidator(_writable)]
Metadata = Annotated[dict[str, Any], AfterValidator(_all_writable)]
Cause = Literal["infrastructure", "configuration", "infeasible", "timeout", "cancelled", "invalid_result"]
# The causes as people read them. Ledgers, tables and queries keep the literals.
_CAUSES_IN_WORDS: dict[Cause, str] = {
    "infrastructure": "infrastructure",
    "configuration": "evaluator error",
    "infeasible": "infeasible",
    "timeout": "timeout",
    "cancelled": "cancelled",
    "invalid_result": "invalid result",
}


def cause_text(cause: Cause) -> str:
    """Return a cause in the words that people are shown; `configuration` would sound like the campaign's file."""
    return _CAUSES_IN_WORDS[cause]


class Measurement(BaseModel):
    """The mean of one metric and its standard error: a number is known, None is to be inferred, 0 is exact."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Annotated[float, Field(allow_inf_nan=False)]
    sem: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class EvaluationRequest(BaseModel):
    """One attempt at one trial, with everything that an evaluator may need to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    campaign: str
    trial: int
    attempt: int
    key: str
    parameters: Point
    seed: int
    expected_metrics: tuple[str, ...]
    deadline: datetime | None = None


class EvaluationSucceeded(BaseModel):
    """It ended well: each expected metric was measured."""

    # Metadata may hold what is no number, and come back with it.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    kind: Literal["succeeded"] = "succeeded"
    metrics: dict[MetricName, Measurement]
    seconds: float = 0.0
    cost: float | None = None
    artifacts: tuple[Artifact, ...] = ()
    metadata: Metadata = {}


class EvaluationFailed(BaseModel):
    """It ended badly, and why; of one that is lost nobody saw the end.

    `unseen` says where a lost one may still run, if that is a machine that cannot be seen. A failure of the `machine`
    (no space, no memory for another process) says nothing of the point: it is repeated and does not count.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["failed"] = "failed"
    cause: Cause
    message: Message
    seconds: float = 0.0
    cost: float | None = None
    lost: bool = False
    unseen: Message | None = None
    machine: bool = False


EvaluationOutcome = EvaluationSucceeded | EvaluationFailed


class EvaluationReport(BaseModel):
    """What an evaluation measured on its way, at a step (an epoch, an iteration)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: Annotated[int, Field(ge=0, lt=2**63)]
    metrics: dict[MetricName, Measurement]


def read_measurement(value: Any) -> Measurement:
    """Return the measurement that a person meant by a number, a pair or a mapping.

    Accepts `1.5`, `(mean, sem)` and `{"mean": …, "sem": …}`; a bare number has an unknown sem.
    Raises ValueError saying what was expected and found.
    """
    pair: tuple[Any, Any]
    if isinstance(value, dict) and "mean" in value and set(value) <= {"mean", "sem"}:
        pair = value["mean"], value.get("sem")
    elif isinstance(value, list | tuple) and len(value) == 2:
        pair = value[0], value[1]
    else:
        pair = value, None
    mean = _finite(pair[0], "mean")
    sem = None if pair[1] is None else _finite(pair[1], "sem")
    if sem is not None and sem < 0:
        raise ValueError(f"expected a sem of 0 or more, got {sem:g}")
    return Measurement(mean=mean, sem=sem)


def _finite(value: Any, what: str) -> float:
    try:
        number = math.nan if isinstance(value, str | bytes) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number as {what}, got {value!r}")
    return number
