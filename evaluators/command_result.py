"""What an ended attempt means: from its exit and its result to an outcome."""

from collections.abc import Collection

from campaign.evaluation import Cause, EvaluationFailed, EvaluationOutcome, EvaluationRequest, EvaluationSucceeded
from campaign.result import bounded, read_artifacts, read_cost, read_metadata, read_metrics
from evaluators.attempt_folder import AttemptFolder, last_text
from evaluators.environment import Redaction
from evaluators.exit_status import Exit, failure_of_exit, was_ended_by_others
from evaluators.written_result import InvalidResult, result_text, written_result

_LONGEST_MESSAGE = 2000
_LONGEST_EVIDENCE = 500
_STDERR = "; stderr ended with:\n"


def outcome_of_exit(
    attempt: AttemptFolder, request: EvaluationRequest, ended: Exit, redaction: Redaction
) -> EvaluationOutcome:
    """Return what an attempt came to whose supervisor saw it end; a bad end comes with the last lines of stderr."""
    if was_ended_by_others(ended) and (stored := stored_outcome(attempt, request, ended.seconds)) is not None:
        return stored
    failure = failure_of_exit(ended)
    if failure is None:
        text = ""
        try:
            text = result_text(attempt)
            return outcome_of_result(text, request, ended.seconds)
        except InvalidResult as problem:
            failure = "invalid_result", f"{problem}{_evidence(text or last_text(attempt.stdout), redaction)}"
    cause, message = failure
    return EvaluationFailed(cause=cause, message=_with_stderr(message, attempt, redaction), seconds=ended.seconds)


def stored_outcome(attempt: AttemptFolder, request: EvaluationRequest, seconds: float) -> EvaluationOutcome | None:
    """Return what the whole result says that an evaluation stored before it was ended; None if there is none."""
    if not attempt.result.exists():
        return None
    try:
        return outcome_of_result(result_text(attempt), request, seconds)
    except InvalidResult:
        return None


def outcome_of_result(text: str, request: EvaluationRequest, seconds: float) -> EvaluationOutcome:
    """Return what a result amounts to; raises InvalidResult."""
    written = written_result(text, request.expected_metrics)
    cost, cost_notes = read_cost(written.beside.get("cost"))
    if written.status != "ok":
        cause: Cause = "infeasible" if written.status == "infeasible" else "configuration"
        # Nothing is asked of a result that is none, but what was measured is worth keeping.
        read = read_metrics(written.metrics, asked=())
        return EvaluationFailed(
            cause=cause,
            message=written.message,
            seconds=seconds,
            cost=cost,
            metrics=read.metrics,
            notes=(*read.notes, *cost_notes),
        )
    read = read_metrics(written.metrics, request.expected_metrics)
    if read.problem is not None:
        raise InvalidResult(read.problem)
    artifacts, artifact_notes = read_artifacts(written.beside.get("artifacts"))
    metadata, metadata_notes = read_metadata(written.beside.get("metadata"))
    return EvaluationSucceeded(
        metrics=read.metrics,
        seconds=seconds,
        cost=cost,
        artifacts=artifacts,
        metadata=metadata,
        notes=(*read.notes, *cost_notes, *artifact_notes, *metadata_notes),
    )


def without_secrets(outcome: EvaluationOutcome, redaction: Redaction, asked: Collection[str]) -> EvaluationOutcome:
    """Return the outcome as it may be written down.

    Texts are redacted, and so are the names of metrics that nobody asked for.
    """
    changes: dict[str, object] = {
        "metrics": redaction.names(outcome.metrics, asked),
        "notes": bounded(map(redaction.text, outcome.notes)),
    }
    if isinstance(outcome, EvaluationFailed):
        # Secrets go before the cut, or else a half of one would stay.
        changes["message"] = redaction.text(outcome.message)[:_LONGEST_MESSAGE]
    else:
        changes |= {name: redaction.tree(getattr(outcome, name)) for name in ("artifacts", "metadata")}
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
