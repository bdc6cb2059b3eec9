"""Decide whether files in an attempt's folder are complete and belong to that attempt."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from overnight.campaign.evaluation import EvaluationRequest
from overnight.evaluators.processes.attempt_folder import AttemptFolder
from overnight.evaluators.processes.exit_status import Exit
from overnight.evaluators.processes.supervisor import put_if_absent
from overnight.evaluators.processes.survivors import Claim

# These describe the process that starts an attempt, so they differ if another process starts it again.
_OF_THE_STARTER = {"parent", "silence", "starter", "locks"}


def begin(attempt: AttemptFolder, request: EvaluationRequest, start: dict[str, Any]) -> str | None:
    """Store the request and the command to start; return why the attempt cannot begin, or None if it can."""
    where = f"the attempt's folder {attempt.path}"
    if not put_if_absent(attempt.request, request.model_dump(mode="json")) and not is_asked(attempt, request):
        return f"expected {where} to be empty or this attempt's, found the request of another attempt in it"
    if not put_if_absent(attempt.start, start) and _without(_read(attempt.start)) != _without(_as_json(start)):
        return f"expected {where} to be empty or this attempt's, found other instructions in its {attempt.start.name}"
    left = [path.name for path in (attempt.result, attempt.exit) if path.exists()]
    left += [attempt.reports.name] * (attempt.reports.stat().st_size > 0)
    if left and not attempt.claim.exists():
        return f"expected {where} to be empty, found {' and '.join(left)} from before the attempt began"
    return None


def why_foreign(attempt: AttemptFolder, request: EvaluationRequest, claim: Claim | None) -> str | None:
    """Return why a claimed attempt cannot be adopted as the answer to this request; None if it can."""
    where = f"its folder {attempt.path}"
    if claim is None:
        return f"{where} holds a claim.json that cannot be read"
    if not is_asked(attempt, request):
        return f"{where} holds a request.json that cannot be read or is of another attempt"
    if claim.key not in (None, request.key):
        return f"{where} holds the claim.json of attempt {claim.key}"
    return None


def is_asked(attempt: AttemptFolder, request: EvaluationRequest) -> bool:
    """Return whether the stored request is the same; the deadline, ended arms and paths of artifacts may differ."""
    try:
        there = EvaluationRequest.model_validate_json(attempt.request.read_bytes())
    except (OSError, ValidationError):
        return False
    return _lasting(there) == _lasting(request)


def _lasting(request: EvaluationRequest) -> EvaluationRequest:
    """Return a request without the parts that change while its attempt is under way."""
    arms = tuple(arm.model_copy(update={"ended": False}) for arm in request.arms)
    resumed = request.resume_from and request.resume_from.model_copy(update={"artifacts": ()})
    return request.model_copy(update={"deadline": None, "arms": arms, "resume_from": resumed})


def read_exit(attempt: AttemptFolder, claim: Claim) -> Exit | None:
    """Return the recorded end of the attempt with this claim; None if it is missing, torn, or of another claim."""
    try:
        ended = Exit.model_validate_json(attempt.exit.read_bytes())
    except (OSError, ValidationError):
        return None
    return ended if ended.mark == claim.mark else None


def limits(attempt: AttemptFolder, time_limit: timedelta, grace: timedelta) -> tuple[timedelta, timedelta]:
    """Return the time limit and the grace that an attempt was started with; the given ones if those are unreadable."""
    start = _read(attempt.start)
    try:
        return timedelta(seconds=start["time_limit"]), timedelta(seconds=start["grace"])
    except (TypeError, KeyError, OverflowError):
        return time_limit, grace


def starter(attempt: AttemptFolder) -> int | None:
    """Return the id of the process that started an attempt; None if it is unknown."""
    start = _read(attempt.start)
    pid = start.get("starter") if isinstance(start, dict) else None
    return pid if isinstance(pid, int) else None


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _without(start: Any) -> Any:
    if not isinstance(start, dict):
        return None
    return {name: value for name, value in start.items() if name not in _OF_THE_STARTER}
