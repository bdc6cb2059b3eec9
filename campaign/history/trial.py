"""A trial: a proposal with an id, its attempts, and the observation or failure with which it ends.

A trial that a rule ended while it was running is stopped, and its reports are learnt from. A trial that a person ended
is withdrawn, and nothing is learnt from it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.evaluation import Cause, Measurement
from overnight.campaign.history.provenance import Prediction, Provenance
from overnight.campaign.space import Point
from overnight.campaign.values.harmless import first_line, harmless
from overnight.campaign.values.printed import Printed, point_words
from overnight.campaign.values.read_only import GivesItsPoint, ReadOnly, ReadOnlyDict

Status = Literal["observed", "failed", "stopped", "abandoned", "rejected", "awaiting approval", "running", "waiting"]
Generator = Literal["baseline", "manual", "sobol", "model", "checking", "confirming", "ramp_up", "custom", "import"]
# The actor of attempts that a loop of the user's own has begun.
OWN_LOOP = "ask-tell"
# A printed trial has at most so many characters of the reason why it has no result.
_LONGEST = 100
Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Proposal(GivesItsPoint, Printed, BaseModel):
    """A point worth trying, and why; `weight` is its share of the trials that run at once, as in an A/B test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    point: Point
    generator: Generator
    provenance: Provenance | None = None
    weight: Share | None = None

    def __str__(self) -> str:
        predicted = {} if self.provenance is None else self.provenance.predicted
        expected = ", ".join(f"{harmless(metric)} {found}" for metric, found in predicted.items())
        return f"proposal ({self.generator}): {point_words(self.point)}{f'; expected: {expected}' if expected else ''}"

    def prediction(self, metric: str) -> Prediction | None:
        """Return the prediction of a metric; None if nothing predicted it."""
        return None if self.provenance is None else self.provenance.predicted.get(metric)


class Resumed(BaseModel):
    """The earlier `trial` of the same point from which an attempt continues, and the `fidelity` that it reached."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trial: int
    fidelity: float


class AttemptEnd(BaseModel):
    """The failed end of an attempt.

    An attempt that failed because of its `machine` counts for nothing. `metrics` were measured nevertheless, and
    nothing is learnt from them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cause: Cause
    message: str
    will_retry: bool
    ended: datetime
    seconds: float = 0.0
    cost: float | None = None
    machine: bool = False
    metrics: ReadOnly[dict[str, Measurement]] = Field(default_factory=ReadOnlyDict)
    notes: tuple[str, ...] = ()


class Attempt(BaseModel):
    """One execution of a trial; `failed` is None while it runs, and if it gave the observation.

    `handle` is the evaluator's name for an evaluation that continues after its process has ended.

    `host` and `process` identify the controller that started it; they are None if a person did. `unknown` describes the
    decision that a person must make if the end cannot be determined. `evaluator` is the digest of the evaluator's
    version, if that is known. `resumed` is the earlier trial from which the evaluation continues.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    key: str
    actor: str
    started: datetime
    deadline: datetime | None = None
    host: str | None = None
    process: str | None = None
    unknown: str | None = None
    evaluator: str | None = None
    handle: str | None = None
    resumed: Resumed | None = None
    failed: AttemptEnd | None = None


class Observation(BaseModel):
    """The end of a trial with measured metrics; `attempt` is 0 if another system measured them.

    `notes` names side information of the result that was ignored, and why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["observed"] = "observed"
    attempt: int
    metrics: ReadOnly[dict[str, Measurement]]
    seconds: float = 0.0
    cost: float | None = None
    artifacts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ended: datetime


class Failure(BaseModel):
    """The end of a trial without a result, and why; a quarantined point took several workers down."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["failed"] = "failed"
    attempt: int
    cause: Cause
    message: str
    quarantined: bool = False
    ended: datetime


class Stopped(BaseModel):
    """The end of a trial by a rule, because the `value` of `metric` at `step` was worse than the `threshold`.

    The reports of the trial are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["stopped"] = "stopped"
    attempt: int
    rule: str
    metric: str
    step: int
    value: float
    threshold: float
    why: str
    ended: datetime


class Withdrawal(BaseModel):
    """The end of a trial by a person, without a result, and why; it gives no information about the point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["abandoned", "rejected"]
    by: str
    why: str
    ended: datetime


Outcome = Observation | Failure | Stopped | Withdrawal


class Trial(Printed, BaseModel):
    """A proposal with an id, and everything that has happened to it; `parked` while it waits for approval.

    `parked_because` is the reason for waiting, and stays after the decision. `approved` means that a person let the
    trial start. `batch` is the id of the first of the trials that were proposed together; it is None if the trial did
    not come from a proposer. `point_now` is the proposal's point with the values that parameters had which a revision
    has added since; it is None if none was added.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    proposal: Proposal
    proposed: datetime
    batch: int | None = None
    parked: bool = False
    parked_because: str | None = None
    approved: bool = False
    attempts: tuple[Attempt, ...] = ()
    outcome: Outcome | None = None
    point_now: Point | None = None

    def __str__(self) -> str:
        how = f"trial {self.id} ({self.status}{self._why_no_result()})"
        found = ", ".join(f"{harmless(metric)} {value}" for metric, value in self.measured.items())
        return f"{how}: {f'{found}, at ' if found else ''}{point_words(self.point)}"

    def _why_no_result(self) -> str:
        match self.outcome:
            case None | Observation():
                return ""
            case Failure(message=why) | Stopped(why=why) | Withdrawal(why=why):
                return f", {short:.{_LONGEST}}" if (short := first_line(why)) else ""

    @property
    def point(self) -> Point:
        """Return the point that is tried, as a point of the present parameters."""
        return self.proposal.point if self.point_now is None else {**self.point_now}

    @property
    def imported(self) -> bool:
        """Return whether the trial came with past results: nothing was executed, and the budget is not charged."""
        return self.proposal.generator == "import"

    @property
    def counted(self) -> bool:
        """Return whether the trial counts in the budget: it was started, or a person reported its result."""
        return bool(self.attempts) or (isinstance(self.outcome, Observation) and not self.imported)

    @property
    def pending(self) -> bool:
        """Return whether the trial has been proposed, is not parked and has not ended."""
        return self.outcome is None and not self.parked

    @property
    def status(self) -> Status:
        """Return the state of the trial; a waiting trial has no attempt under way."""
        if self.outcome is not None:
            return self.outcome.kind
        if self.parked:
            return "awaiting approval"
        return "running" if self.open_attempt is not None else "waiting"

    @property
    def measured(self) -> Mapping[str, Measurement]:
        """Return the observed metrics; empty if there is no result."""
        return self.outcome.metrics if isinstance(self.outcome, Observation) else {}

    @property
    def seconds(self) -> float | None:
        """Return the total duration of the attempts; None before the trial's end, and if nothing was executed."""
        if self.outcome is None or not self.attempts:
            return None
        failed = sum(attempt.failed.seconds for attempt in self.attempts if attempt.failed is not None)
        return failed + (self.outcome.seconds if isinstance(self.outcome, Observation) else 0.0)

    @property
    def open_attempt(self) -> Attempt | None:
        """Return the attempt that has started and not ended, if there is one."""
        if self.outcome is None and self.attempts and self.attempts[-1].failed is None:
            return self.attempts[-1]
        return None

    @property
    def forsaken_attempt(self) -> Attempt | None:
        """Return the attempt under way when the trial was withdrawn or stopped, until the attempt's end is recorded."""
        if isinstance(self.outcome, Stopped | Withdrawal) and self.attempts and self.attempts[-1].failed is None:
            return self.attempts[-1]
        return None
