"""Read the result of an evaluation: one JSON object of limited size, from a file or the last line of stdout."""

import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from overnight.campaign.evaluation import Measurement, named_value
from overnight.evaluators.call_function import is_full
from overnight.evaluators.processes.attempt_folder import AttemptFolder, last_text
from overnight.evaluators.secrets.environment import Redaction

LARGEST_RESULT = 1 << 24
LARGEST_STDOUT_LINE = 1 << 20
# Slightly fewer than the longest integer that Python converts from or to text.
_MOST_DIGITS = 4000
RUNNING = "running"
Status = Literal["ok", "infeasible", "failed", "running"]
_BESIDE_METRICS = ("status", "cost", "artifacts", "metadata", "message", "reason", "attempt_key")
# These are fields only of an evaluation that goes on, so that others may use the names for metrics.
_OF_RUNNING = ("handle", "again_in", "step")
ARMS = "arms"
# Free content, in which numbers may be secret, too.
_FREE = ("artifacts", "metadata", "message", "reason")
_LONGEST_PLACE = 500


@dataclass(frozen=True)
class Kept:
    """The usable parts of an invalid result: its metrics, or the handle of an evaluation that continues."""

    metrics: dict[str, Measurement] = field(default_factory=dict)
    cost: float | None = None
    notes: tuple[str, ...] = ()
    handle: str | None = None


class InvalidResult(Exception):
    """The evaluation left no valid result; the message explains why, and `kept` holds its usable parts."""

    def __init__(self, problem: str, kept: Kept | None = None) -> None:
        super().__init__(problem)
        self.kept = kept or Kept()


class ForeignResult(InvalidResult):
    """The result belongs to another attempt, which the message names."""


@dataclass(frozen=True)
class WrittenResult:
    """The result as the evaluation wrote it, without secrets; only its status has been checked.

    `beside` holds all fields other than the metrics. `arms` holds the results of the arms of a batch as they were
    written, with secrets, because each arm has names of metrics of its own.
    """

    status: Status
    metrics: dict[str, Any]
    beside: dict[str, Any]
    arms: Any = None

    @property
    def message(self) -> str:
        """Return one line on why there is no good result, in the evaluation's own words if it has any."""
        said = self.beside.get("message") or self.beside.get("reason")
        if said is None:
            return f"the evaluation reported status `{self.status}`"
        return " ".join(said.split()) if isinstance(said, str) else named_value(said)

    @property
    def raised_at(self) -> str | None:
        """Return the file and the line in which a Python function raised an exception."""
        place = self.beside.get("raised_at")
        return place[-_LONGEST_PLACE:] if isinstance(place, str) else None


def result_text(attempt: AttemptFolder) -> str:
    """Return the text that should be a result, empty if it is missing; raises InvalidResult if it is too large."""
    if attempt.result.exists():
        return _file_text(attempt)
    # A longer line does not count, because its beginning is missing here.
    text = last_text(attempt.stdout, LARGEST_STDOUT_LINE)
    # A progress bar ends its lines with carriage returns. All other separators may be part of a JSON text.
    last = re.split(r"[\r\n]", text.strip())[-1].strip()
    return last if last.startswith("{") else ""


def is_too_large(attempt: AttemptFolder) -> bool:
    """Return whether the result's file is larger than the limit."""
    return attempt.result.is_file() and attempt.result.stat().st_size > LARGEST_RESULT


def _file_text(attempt: AttemptFolder) -> str:
    found = "something else"
    if attempt.result.is_file():
        try:
            with attempt.result.open("rb") as file:
                data = file.read(LARGEST_RESULT + 1)
        except OSError as problem:
            found = f"a file that cannot be read ({problem})"
        else:
            if len(data) <= LARGEST_RESULT:
                return data.decode(errors="replace").removeprefix("\ufeff")
            found = f"a file of {attempt.result.stat().st_size} bytes"
    raise InvalidResult(f"expected `EVAL_RESULT` to be a file of at most {LARGEST_RESULT} bytes, found {found}")


def read_json(text: str | bytes) -> Any:
    """Return a JSON value, with infinity for integers of more digits than Python reads; raises ValueError."""
    try:
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= _MOST_DIGITS else math.inf)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def value_of(text: str) -> Any:
    """Return the JSON value in the text that a process left as its result; raises InvalidResult."""
    if not text.strip():
        raise InvalidResult(
            "expected a JSON object in the file `EVAL_RESULT` or as the last line of stdout, found neither"
        )
    try:
        return read_json(text)
    except ValueError as problem:
        raise InvalidResult(f"expected the result to be JSON, found text that is not ({problem})") from None


def written_result(
    value: Any, asked: Collection[str], key: str, redaction: Redaction, *, of_arms: bool = False
) -> WrittenResult:
    """Return the result of the attempt `key` from a JSON value, without secrets; raises InvalidResult.

    Secrets are redacted before anything is truncated, since half of a secret would remain otherwise. A result in full
    form is an object with an object `metrics`, unless the first expected metric is only at its top level. In the short
    form each key is a metric, except the keys that the full form has in addition to `metrics`. A key with the name of
    an expected metric is always that metric. The result of a batch (`of_arms`) has `arms` instead of metrics.
    """
    if not isinstance(value, dict):
        raise InvalidResult(f"expected the result to be a JSON object, found a JSON {type(value).__name__}")
    arms = value.pop(ARMS, None) if of_arms else None
    metrics, beside = _parts(value, asked)
    if (owner := beside.get("attempt_key")) not in (None, key):
        raise ForeignResult(f"expected the result of attempt {key}, found that of {named_value(redaction.tree(owner))}")
    _refuse_secret_handle(beside, redaction)
    return WrittenResult(
        status=_status(beside.get("status"), redaction),
        metrics=redaction.metrics(metrics, asked),
        beside=redaction.under_keys(beside, _FREE),
        arms=arms,
    )


def _refuse_secret_handle(beside: dict[str, Any], redaction: Redaction) -> None:
    """Raise InvalidResult if a handle contains a secret: it could be neither recorded nor, redacted, passed back."""
    handle = beside.get("handle")
    if beside.get("status") == RUNNING and redaction.hides(str(handle)):
        shown = named_value(redaction.text(str(handle)))
        raise InvalidResult(
            "`handle`: expected a name without secrets, because it is recorded in the ledger and passed back, found "
            f"one that contains a secret: {shown}. Use another name for the evaluation"
        )


def _parts(value: dict[str, Any], asked: Collection[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the metrics and the other fields."""
    if is_full(value, asked):
        return value["metrics"], {name: found for name, found in value.items() if name != "metrics"}
    names = _BESIDE_METRICS + (_OF_RUNNING if value.get("status") == RUNNING else ())
    beside = {name: value[name] for name in names if name in value and name not in asked}
    nothing = ("metrics", None)
    return {name: found for name, found in value.items() if name not in beside and (name, found) != nothing}, beside


def _status(written: Any, redaction: Redaction) -> Status:
    if written is None:
        return "ok"
    if written not in get_args(Status):
        expected = "expected `ok`, `infeasible`, `failed` or `running`"
        raise InvalidResult(f"`status`: {expected}, found {named_value(redaction.tree(written))}")
    return written
