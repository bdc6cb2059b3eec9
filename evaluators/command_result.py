"""What an ended attempt means: from its exit and its result to an outcome."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from campaign.evaluation import (
    Cause,
    EvaluationFailed,
    EvaluationOutcome,
    EvaluationRequest,
    EvaluationSucceeded,
    Measurement,
    Metadata,
    read_measurement,
)
from evaluators.attempt_folder import AttemptFolder, last_text
from evaluators.environment import Redaction
from evaluators.exit_status import Exit, failure_of_exit, was_ended_by_others

_LONGEST_MESSAGE = 2000
_LONGEST_EVIDENCE = 500
_STDERR = "; stderr ended with:\n"
_LARGEST_STDOUT_LINE = 1 << 20


class Result(BaseModel):
    """What an evaluation says about itself."""

    model_config = ConfigDict(frozen=True)

    status: Literal["ok", "infeasible", "failed"] = "ok"
    metrics: dict[str, Any] = {}
    cost: Annotated[float, Field(allow_inf_nan=False)] | None = None
    artifacts: tuple[str, ...] = ()
    metadata: Metadata = {}
    message: str | None = None
    reason: str | None = None


class InvalidResult(Exception):
    """What an evaluation left is not a result; says why."""


def outcome_of_exit(
    attempt: AttemptFolder, request: EvaluationRequest, ended: Exit, redaction: Redaction
) -> EvaluationOutcome:
    """Return what an attempt came to whose supervisor saw it end; a bad end comes with the last lines of stderr."""
    if was_ended_by_others(ended) and (stored := stored_outcome(attempt, request, ended.seconds)) is not None:
        return stored
    failure = failure_of_exit(ended)
    if failure is None:
        text = _result_text(attempt)
        try:
            return outcome_of_result(text, request, ended.seconds)
        except InvalidResult as problem:
            failure = "invalid_result", f"{problem}{_evidence(text or last_text(attempt.stdout), redaction)}"
    cause, message = failure
    return EvaluationFailed(
        cause=cause,
        message=_with_stderr(message, attempt, redaction),
        seconds=ended.seconds,
        machine=ended.start_error is not None and cause == "infrastructure",
    )


def stored_outcome(attempt: AttemptFolder, request: EvaluationRequest, seconds: float) -> EvaluationOutcome | None:
    """Return what the whole result says that an evaluation stored before it was ended; None if there is none."""
    if not attempt.result.exists():
        return None
    try:
        return outcome_of_result(attempt.result.read_text(errors="replace"), request, seconds)
    except InvalidResult:
        return None


def outcome_of_result(text: str, request: EvaluationRequest, seconds: float) -> EvaluationOutcome:
    """Return what a result says; raises InvalidResult."""
    result = _read_result(text)
    if result.status != "ok":
        cause: Cause = "infeasible" if result.status == "infeasible" else "configuration"
        message = result.message or result.reason or f"the evaluation reported status `{result.status}`"
        return EvaluationFailed(cause=cause, message=message, seconds=seconds, cost=result.cost)
    return EvaluationSucceeded(
        metrics=_measurements(result, request),
        seconds=seconds,
        cost=result.cost,
        artifacts=result.artifacts,
        metadata=result.metadata,
    )


def without_secrets(outcome: EvaluationOutcome, redaction: Redaction) -> EvaluationOutcome:
    """Return the outcome as it may be written down."""
    if isinstance(outcome, EvaluationFailed):
        return outcome.model_copy(update={"message": redaction.text(outcome.message)[:_LONGEST_MESSAGE]})
    changes = {
        "metrics": redaction.tree(outcome.metrics),
        "artifacts": redaction.tree(outcome.artifacts),
        "metadata": redaction.tree(outcome.metadata),
    }
    return outcome.model_copy(update=changes)


def _evidence(text: str, redaction: Redaction) -> str:
    """Return the beginning of what came instead of a result."""
    shown = " ".join(redaction.text(text).split())
    cut = f"{shown[:_LONGEST_EVIDENCE]} …" if len(shown) > _LONGEST_EVIDENCE else shown
    return f"; what came was: {cut}" if shown else ""


def _with_stderr(message: str, attempt: AttemptFolder, redaction: Redaction) -> str:
    # Secrets go before the cut, or else a half of one would stay.
    stderr = redaction.text(last_text(attempt.stderr)).strip()
    room = _LONGEST_MESSAGE - len(message) - len(_STDERR)
    return f"{message}{_STDERR}{stderr[-room:]}" if stderr and room > 0 else message


def _result_text(attempt: AttemptFolder) -> str:
    if attempt.result.exists():
        return attempt.result.read_text(errors="replace")
    lines = last_text(attempt.stdout, _LARGEST_STDOUT_LINE).strip().splitlines()
    if lines and lines[-1].lstrip().startswith("{"):
        return lines[-1]
    return ""


def _read_result(text: str) -> Result:
    if not text.strip():
        raise InvalidResult(
            "expected a JSON object in the file `EVAL_RESULT` or as the last line of stdout, found neither"
        )
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as problem:
        raise InvalidResult(f"expected the result to be JSON, found text that is not ({problem})") from None
    if not isinstance(value, dict):
        raise InvalidResult(f"expected the result to be a JSON object, found a JSON {type(value).__name__}")
    try:
        return Result.model_validate(value)
    except ValidationError as problem:
        faults = "; ".join(f"`{'.'.join(map(str, e['loc']))}`: {e['msg']}" for e in problem.errors())
        raise InvalidResult(f"the result is not of the expected form: {faults}") from None


def _measurements(result: Result, request: EvaluationRequest) -> dict[str, Measurement]:
    missing = [name for name in request.expected_metrics if name not in result.metrics]
    if missing:
        found = ", ".join(f"`{name}`" for name in result.metrics) or "none"
        raise InvalidResult(f"expected the metric {', '.join(f'`{m}`' for m in missing)}, found {found}")
    measurements = {}
    for name, value in result.metrics.items():
        try:
            measurements[name] = read_measurement(value)
        except (ValueError, OverflowError, RecursionError) as problem:
            # A metric that nobody asked for cannot spoil the evaluation.
            if name in request.expected_metrics:
                raise InvalidResult(f"metric `{name}`: {problem}") from None
    return measurements
