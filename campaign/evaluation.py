"""The request that an evaluator receives and the outcome that it returns."""

import math
import reprlib
from collections.abc import Mapping
from datetime import datetime
from numbers import Complex, Real
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from overnight.campaign.space import Point
from overnight.campaign.values.printed import Printed, uncertain_words
from overnight.campaign.values.read_only import GivenAsCopy, ReadOnly, ReadOnlyDict, read_only

# JSON nested more than twice as deep as this can be written but not read back.
_DEEPEST = 100


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 200
_short.maxlong = 60


def writable(text: str) -> str:
    """Return the text with `?` in place of each lone surrogate, which no encoding can store."""
    return text.encode("utf-8", errors="replace").decode("utf-8")


def all_writable(value: Any, levels: int = _DEEPEST) -> Any:
    """Return a JSON value with `writable` texts; raises ValueError if it is nested too deeply to be read back."""
    if isinstance(value, str):
        return writable(value)
    if not isinstance(value, dict | list | tuple):
        return value
    if levels == 0:
        raise ValueError(f"expected lists and objects nested at most {_DEEPEST} deep, found deeper ones")
    if isinstance(value, dict):
        return {all_writable(key): all_writable(item, levels - 1) for key, item in value.items()}
    return type(value)(all_writable(item, levels - 1) for item in value)


def named_value(value: Any) -> str:
    """Return a value as text for a message, shortened if it is long."""
    try:
        return _short.repr(value)
    except ValueError:  # a whole number with too many digits to print
        return f"an enormous {type(value).__name__}"


LONGEST_HANDLE = 4096
Message = Annotated[str, AfterValidator(writable)]
MetricName = Annotated[str, AfterValidator(writable)]
Artifact = Annotated[str, AfterValidator(writable)]
Metadata = Annotated[dict[str, Any], AfterValidator(all_writable), AfterValidator(read_only)]
Notes = tuple[Message, ...]
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
    """Return a cause in words for people; `configuration` would sound like a mistake in the campaign file."""
    return _CAUSES_IN_WORDS[cause]


class Measurement(Printed, BaseModel):
    """The mean of one metric and its standard error.

    A `sem` of None is to be inferred, and 0 means that the value is exact. `n` is how many units (users, requests,
    repetitions) the mean is of, or None if that is not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: Annotated[float, Field(allow_inf_nan=False)]
    sem: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    n: Annotated[int, Field(ge=1, lt=2**63)] | None = None

    def __str__(self) -> str:
        return f"{uncertain_words(self.mean, self.sem)}{'' if self.n is None else f' (n = {self.n})'}"


class _GivesItsParameters:
    parameters = GivenAsCopy()


class Arm(_GivesItsParameters, BaseModel):
    """One arm of a batch: a trial that gets `traffic` units, while the other arms get theirs.

    `key` is unique to this attempt. An arm that has `ended`, such as one that breached a guardrail, gets no more
    traffic and needs no result.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: int
    key: str
    parameters: Point
    traffic: int
    status_quo: bool = False
    ended: bool = False


class ResumeFrom(BaseModel):
    """The evaluation of the same point at a lower `fidelity`, from whose `artifacts` an evaluation may continue.

    `artifacts` are as that evaluation returned them. A process receives relative ones as paths in the folder for
    artifacts of the attempt with this `key`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: int
    fidelity: float
    key: str
    artifacts: tuple[Artifact, ...] = ()


class EvaluationRequest(_GivesItsParameters, BaseModel):
    """One attempt at one trial, with everything that an evaluator may need.

    If an evaluator returns a bare number as its result, the number is the `objective`, one of the `expected_metrics`;
    with a target, that is the target's metric. A result may lack the `optional_metrics` among them; it needs all
    others.

    The evaluation of a batch has the batch's `arms`, the status quo first. An evaluation that continues after its
    process has ended is asked about again: with the `handle` that it gave, and the number of the `look`. `cancel` asks
    it to end what the handle names.

    `resume_from` is the evaluation at a lower fidelity from which this one may continue.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    campaign: str
    trial: int
    attempt: int
    key: str
    parameters: Point
    seed: int
    expected_metrics: tuple[str, ...]
    optional_metrics: tuple[str, ...] = ()
    objective: str
    deadline: datetime | None = None
    arms: tuple[Arm, ...] = ()
    handle: str | None = None
    look: int = 0
    cancel: bool = False
    resume_from: ResumeFrom | None = None


class ArmResult(BaseModel):
    """The metrics of one arm of a batch; with a `problem`, the arm has no valid result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: ReadOnly[dict[MetricName, Measurement]] = Field(default_factory=ReadOnlyDict)
    problem: Message | None = None
    notes: Notes = ()


class EvaluationSucceeded(BaseModel):
    """An evaluation that measured every required metric; `notes` name other information that was ignored, and why.

    That of a batch has the results of its `arms` by trial instead of `metrics`.
    """

    # Metadata may hold NaN and infinities, and must keep them when it is written and read back.
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    kind: Literal["succeeded"] = "succeeded"
    metrics: ReadOnly[dict[MetricName, Measurement]]
    seconds: float = 0.0
    cost: float | None = None
    artifacts: tuple[Artifact, ...] = ()
    metadata: Metadata = Field(default_factory=ReadOnlyDict)
    notes: Notes = ()
    arms: ReadOnly[dict[int, ArmResult]] = Field(default_factory=ReadOnlyDict)


class EvaluationOngoing(BaseModel):
    """An evaluation that continues after its process has ended, such as an experiment on users that lasts for days.

    The evaluator is called again with the `handle`, after `again_in` seconds if that is given. `metrics` were measured
    so far, by a `step` that counts looks if it is not given; a batch has those of its `arms` instead. `stop` is why the
    campaign has to stop: nothing can be learnt about the evaluation until a person has corrected that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["ongoing"] = "ongoing"
    handle: Annotated[Message, Field(min_length=1, max_length=LONGEST_HANDLE)]
    again_in: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    step: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    metrics: ReadOnly[dict[MetricName, Measurement]] = Field(default_factory=ReadOnlyDict)
    arms: ReadOnly[dict[int, ArmResult]] = Field(default_factory=ReadOnlyDict)
    cost: float | None = None
    stop: Message | None = None


class EvaluationFailed(BaseModel):
    """An evaluation that ended without a result, with its `cause`; if it is `lost`, no process saw it end.

    `metrics` were measured nevertheless: they are kept, and nothing is learnt from them. `notes` name side information
    that was ignored. `unseen` names the place where a lost evaluation may still run, if that place cannot be reached. A
    failure of the `machine` (no disk space, no memory for another process) is unrelated to the point: the evaluation is
    repeated, and the failure does not count. The `handle` is that of an evaluation which continues although the answer
    about it was invalid, or which may have begun although the infrastructure failed. `stop` is why the campaign has to
    stop: no evaluation can succeed until a person has corrected that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["failed"] = "failed"
    cause: Cause
    message: Message
    seconds: float = 0.0
    cost: float | None = None
    metrics: ReadOnly[dict[MetricName, Measurement]] = Field(default_factory=ReadOnlyDict)
    notes: Notes = ()
    lost: bool = False
    unseen: Message | None = None
    machine: bool = False
    handle: Message | None = None
    stop: Message | None = None


EvaluationOutcome = EvaluationSucceeded | EvaluationFailed
# What an evaluator answers when it is called once.
EvaluationAnswer = EvaluationOutcome | EvaluationOngoing


class EvaluationReport(BaseModel):
    """The metrics that a running evaluation measured at a step (an epoch, an iteration, a look at a batch).

    That of a batch has the metrics of its `arms` by trial instead.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: Annotated[int, Field(ge=0, lt=2**63)]
    metrics: ReadOnly[dict[MetricName, Measurement]] = Field(default_factory=ReadOnlyDict)
    arms: ReadOnly[dict[int, dict[MetricName, Measurement]]] = Field(default_factory=ReadOnlyDict)


class EvaluationPlaced(BaseModel):
    """The handle of an evaluation that continues after its process has ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    handle: Message


def read_measurement(value: Any) -> Measurement:
    """Return the measurement that a number, a pair or a mapping stands for.

    Accepts `1.5`, `(mean, sem)` and `{"mean": …, "sem": …, "n": …}`; the sem of a bare number is unknown. Raises
    ValueError with the expected and the found value.
    """
    if is_measurement(value):
        given = value["mean"], value.get("sem"), value.get("n")
    elif isinstance(value, list | tuple) and len(value) == 2:
        given = (*value, None)
    else:
        given = value, None, None
    mean = finite_number(given[0], "mean")
    sem = None if given[1] is None else finite_number(given[1], "sem")
    if sem is not None and sem < 0:
        raise ValueError(f"expected a sem of 0 or more, got {sem:g}")
    return Measurement(mean=mean, sem=sem, n=None if given[2] is None else _count(given[2]))


def is_measurement(value: Any) -> bool:
    """Return whether a mapping is one measurement, not metrics by name: a mean, perhaps with its sem and count."""
    return isinstance(value, Mapping) and "mean" in value and set(value) <= {"mean", "sem", "n"}


def _count(value: Any) -> int:
    number = finite_number(value, "n")
    whole = value if type(value) is int else int(number) if number.is_integer() else 0
    if isinstance(value, bool) or not 1 <= whole < 2**63:
        raise ValueError(f"expected a whole number of 1 or more as n, got {named_value(value)}")
    return whole


def finite_number(value: Any, what: str) -> float:
    """Return the value as a finite number; raises ValueError, which names the value `what`."""
    try:
        number = math.nan if _is_not_a_real_number(value) else float(value)
    except Exception:  # numbers of other libraries may raise anything
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"expected a finite number as {what}, got {named_value(value)}")
    return number


def _is_not_a_real_number(value: Any) -> bool:
    """Return whether `float` might accept the value although it is not a real number: a text, or a complex number."""
    return isinstance(value, str | bytes) or (isinstance(value, Complex) and not isinstance(value, Real))
