"""Turn the exit and the result of an attempt into an outcome."""

import json
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from overnight.campaign.evaluation import (
    LONGEST_HANDLE,
    Cause,
    EvaluationAnswer,
    EvaluationFailed,
    EvaluationOngoing,
    EvaluationRequest,
    EvaluationSucceeded,
    finite_number,
    named_value,
)
from overnight.campaign.result import bounded, read_artifacts, read_cost, read_metadata, read_metrics
from overnight.campaign.values.duration import parse_duration
from overnight.campaign.values.numbers import is_whole
from overnight.evaluators.processes.attempt_folder import AttemptFolder, last_text
from overnight.evaluators.processes.exit_status import Exit, ended_by_itself, failure_of_exit
from overnight.evaluators.processes.supervisor import digest_of
from overnight.evaluators.results.arm_results import read_arms
from overnight.evaluators.results.written_result import (
    RUNNING,
    ForeignResult,
    InvalidResult,
    Kept,
    WrittenResult,
    is_too_large,
    result_text,
    value_of,
    written_result,
)
from overnight.evaluators.secrets.environment import Redaction

_LONGEST_MESSAGE = 2000
_LONGEST_EVIDENCE = 500
_STDERR = "; stderr ended with:\n"


def outcome_of_exit(
    attempt: AttemptFolder, request: EvaluationRequest, ended: Exit, redaction: Redaction, *, result_ends: bool
) -> EvaluationAnswer:
    """Return the outcome of an attempt whose supervisor recorded its end; a failure includes the end of stderr.

    A stored result counts unless the evaluation's own exit code contradicts it. With `result_ends` the result is the
    last thing written, so a stored result always counts.
    """
    failure, kept = failure_of_exit(ended), Kept()
    if _was_changed(attempt, ended):
        failure = "infrastructure", f"{attempt.result} was changed after the evaluation ended"
    elif failure is not None and ended.start_error is None and attempt.result.is_file():
        if result_ends:
            failure = None
        elif (
            not ended_by_itself(ended)
            and (stored := stored_outcome(attempt, request, ended.seconds, redaction)) is not None
        ):
            return stored
    if failure is None:
        text = ""
        try:
            text = result_text(attempt)
            return outcome_of_result(text, request, ended.seconds, redaction)
        except ForeignResult as problem:
            failure = "infrastructure", str(problem)
        except InvalidResult as problem:
            shown = text.replace(f', "attempt_key": {json.dumps(request.key)}', "") or last_text(attempt.stdout)
            failure = "invalid_result", f"{problem}{_evidence(shown, redaction)}"
            kept = problem.kept
    cause, message = failure
    return EvaluationFailed(
        cause=cause,
        message=_with_stderr(message, attempt, redaction),
        seconds=ended.seconds,
        cost=kept.cost,
        metrics=kept.metrics,
        notes=kept.notes,
        handle=kept.handle,
        machine=ended.start_error is not None and cause == "infrastructure",
    )


def _was_changed(attempt: AttemptFolder, ended: Exit) -> bool:
    """Return whether the result's file differs from the one that the supervisor saw once no process was left."""
    # A file that is too large is refused and never read.
    known = "result" in ended.model_fields_set and not is_too_large(attempt)
    return known and ended.result != digest_of(attempt.result)


def stored_outcome(
    attempt: AttemptFolder, request: EvaluationRequest, seconds: float, redaction: Redaction
) -> EvaluationAnswer | None:
    """Return the outcome in the complete result that an evaluation stored before it was ended; None without one."""
    if not attempt.result.is_file():
        return None
    try:
        return outcome_of_result(result_text(attempt), request, seconds, redaction)
    except InvalidResult:
        return None


def outcome_of_result(text: str, request: EvaluationRequest, seconds: float, redaction: Redaction) -> EvaluationAnswer:
    """Return the answer that a text describes, without secrets; raises InvalidResult."""
    return outcome_of_value(value_of(text), request, seconds, redaction)


def outcome_of_value(value: Any, request: EvaluationRequest, seconds: float, redaction: Redaction) -> EvaluationAnswer:
    """Return the answer that a JSON value describes, without secrets; raises InvalidResult."""
    asked = request.expected_metrics
    written = written_result(value, asked, request.key, redaction, of_arms=bool(request.arms))
    cost, cost_notes = read_cost(written.beside.get("cost"))
    if written.status == RUNNING:
        return _ongoing(written, request, cost, redaction)
    if written.status != "ok":
        return _failure(written, seconds, cost, cost_notes)
    arms, arm_notes = read_arms(written.arms, request, redaction, asked) if request.arms else ({}, ())
    required = () if request.arms else asked
    read = read_metrics(written.metrics, required, request.optional_metrics)
    if read.problem is not None:
        raise InvalidResult(read.problem, Kept(read.metrics, cost, bounded([*read.notes, *cost_notes])))
    artifacts, artifact_notes = read_artifacts(written.beside.get("artifacts"))
    metadata, metadata_notes = read_metadata(written.beside.get("metadata"))
    return EvaluationSucceeded(
        metrics=read.metrics,
        seconds=seconds,
        cost=cost,
        artifacts=artifacts,
        metadata=metadata,
        notes=bounded([*arm_notes, *read.notes, *cost_notes, *artifact_notes, *metadata_notes]),
        arms=arms,
    )


def _ongoing(
    written: WrittenResult, request: EvaluationRequest, cost: float | None, redaction: Redaction
) -> EvaluationOngoing:
    """Return the answer of an evaluation that goes on; no metric is required on the way. Raises InvalidResult."""
    handle = _handle(written.beside.get("handle"))
    try:
        again_in, step = _again_in(written.beside.get("again_in")), _step(written.beside.get("step"))
        arms, _ = read_arms(written.arms, request, redaction, asked=()) if written.arms is not None else ({}, ())
    except InvalidResult as problem:
        # The evaluation runs nevertheless, and can be ended by its handle.
        raise InvalidResult(f"{problem} (handle {handle})", Kept(cost=cost, handle=handle)) from None
    metrics = read_metrics(written.metrics, asked=()).metrics
    return EvaluationOngoing(handle=handle, again_in=again_in, step=step, metrics=metrics, arms=arms, cost=cost)


def _handle(found: object) -> str:
    """Return the handle as text; a whole number counts as one."""
    if is_whole(found):
        return str(found)
    if isinstance(found, str) and 0 < len(found) <= LONGEST_HANDLE:
        return found
    what = "none" if found is None else named_value(found)
    raise InvalidResult(
        f"`handle`: expected a text of at most {LONGEST_HANDLE} characters, by which a running evaluation is found "
        f"again, found {what}"
    )


def _again_in(found: object) -> float | None:
    """Return the seconds until the next look; a text such as `1h` is a duration."""
    if found is None:
        return None
    try:
        pause = parse_duration(found)
        seconds = finite_number(pause.total_seconds() if isinstance(pause, timedelta) else pause, "seconds")
    except ValueError as problem:
        raise InvalidResult(f"`again_in`: {problem}") from None
    if seconds < 0:
        raise InvalidResult(f"`again_in`: expected 0 seconds or more, found {seconds:g}")
    return seconds


def _step(found: object) -> int | None:
    if found is None or (is_whole(found) and 0 <= found < 2**63):
        return found
    raise InvalidResult(f"`step`: expected a whole number of 0 or more, found {named_value(found)}")


def _failure(
    written: WrittenResult, seconds: float, cost: float | None, cost_notes: Collection[str]
) -> EvaluationFailed:
    """Return the outcome of a result with a bad status: no metric is required, but all measurements are kept."""
    cause: Cause = "infeasible" if written.status == "infeasible" else "configuration"
    read = read_metrics(written.metrics, asked=())
    place = f" ({written.raised_at})" if written.raised_at else ""
    return EvaluationFailed(
        cause=cause,
        message=_shortened(written.message, _LONGEST_MESSAGE - len(place)) + place,
        seconds=seconds,
        cost=cost,
        metrics=read.metrics,
        notes=bounded([*read.notes, *cost_notes]),
    )


def without_secrets(outcome: EvaluationAnswer, redaction: Redaction) -> EvaluationAnswer:
    """Return the outcome with a redacted message; the contents of a result were redacted when it was read."""
    if not isinstance(outcome, EvaluationFailed):
        return outcome
    return outcome.model_copy(update={"message": _shortened(redaction.text(outcome.message), _LONGEST_MESSAGE)})


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 2]} …"


def _evidence(text: str, redaction: Redaction) -> str:
    """Return the beginning of the text that came instead of a result."""
    shown = " ".join(redaction.text(text).split())
    cut = f"{shown[:_LONGEST_EVIDENCE]} …" if len(shown) > _LONGEST_EVIDENCE else shown
    return f"; the output was: {cut}" if shown else ""


def _with_stderr(message: str, attempt: AttemptFolder, redaction: Redaction) -> str:
    # Redacted before it is truncated, since half of a secret would remain otherwise.
    stderr = redaction.text(last_text(attempt.stderr)).strip()
    room = _LONGEST_MESSAGE - len(message) - len(_STDERR)
    return f"{message}{_STDERR}{stderr[-room:]}" if stderr and room > 0 else message
