"""Reading the result that an evaluation wrote: a JSON object of bounded size, in a file or as stdout's last line."""

import json
import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

from campaign.evaluation import named_value
from evaluators.attempt_folder import AttemptFolder, last_text

LARGEST_RESULT = 1 << 24
LARGEST_STDOUT_LINE = 1 << 20
# Beyond this Python neither reads nor writes a whole number.
_MOST_DIGITS = 4000
Status = Literal["ok", "infeasible", "failed"]
_MEASUREMENT = {"mean", "sem"}
_NOTHING = ("metrics", None)
_BESIDE_METRICS = ("status", "cost", "artifacts", "metadata", "message", "reason")


class InvalidResult(Exception):
    """What an evaluation left is not a result; says why."""


@dataclass(frozen=True)
class WrittenResult:
    """What an evaluation states about itself, as it was written: only the status has been looked at."""

    status: Status
    metrics: dict[str, Any]
    beside: dict[str, Any]

    @property
    def message(self) -> str:
        """Return why there is no good result, in the evaluation's own words if it has any."""
        said = self.beside.get("message") or self.beside.get("reason")
        if said is None:
            return f"the evaluation reported status `{self.status}`"
        return said if isinstance(said, str) else named_value(said)


def result_text(attempt: AttemptFolder) -> str:
    """Return the text that should be a result; empty if there is none. Raises InvalidResult if it is too large."""
    if attempt.result.exists():
        return _file_text(attempt)
    # A line longer than this is not looked at: what remains of it here has lost its beginning.
    text = last_text(attempt.stdout, LARGEST_STDOUT_LINE)
    # A progress bar returns to the beginning of its line. Every other separator may be part of a JSON text.
    last = re.split(r"[\r\n]", text.strip())[-1].strip()
    return last if last.startswith("{") else ""


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
    """Return a JSON value, with infinity for whole numbers of more digits than Python reads; raises ValueError."""
    try:
        return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= _MOST_DIGITS else math.inf)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def written_result(text: str, asked: Collection[str]) -> WrittenResult:
    """Return the result that a text holds; raises InvalidResult.

    Its full form is an object with an object `metrics`. Otherwise each of its keys is a metric, except those that the
    full form has beside its metrics. A metric that was asked for is always the metric.
    """
    if not text.strip():
        raise InvalidResult(
            "expected a JSON object in the file `EVAL_RESULT` or as the last line of stdout, found neither"
        )
    try:
        value = read_json(text)
    except ValueError as problem:
        raise InvalidResult(f"expected the result to be JSON, found text that is not ({problem})") from None
    if not isinstance(value, dict):
        raise InvalidResult(f"expected the result to be a JSON object, found a JSON {type(value).__name__}")
    if _is_full(value, asked):
        metrics, beside = value["metrics"], {name: value[name] for name in _BESIDE_METRICS if name in value}
    else:
        names = [name for name in _BESIDE_METRICS if name in value and name not in asked]
        beside = {name: value[name] for name in names}
        metrics = {name: found for name, found in value.items() if name not in names and (name, found) != _NOTHING}
    return WrittenResult(_status(beside.get("status")), metrics, beside)


def _is_full(value: dict[str, Any], asked: Collection[str]) -> bool:
    metrics = value.get("metrics")
    if not isinstance(metrics, dict):
        return False
    return "metrics" not in asked or not ("mean" in metrics and metrics.keys() <= _MEASUREMENT)


def _status(written: Any) -> Status:
    if written is None:
        return "ok"
    if written not in get_args(Status):
        raise InvalidResult(f"`status`: expected `ok`, `infeasible` or `failed`, found {named_value(written)}")
    return written
