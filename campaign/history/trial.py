"""A trial: a proposal with an id, its attempts, and the observation or failure with which it ends.

A rule may end it on its way: it is then stopped, and what it has reported is learnt from. People may end it, too: it is
then withdrawn, and nothing is learnt from it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from overnight.campaign.evaluation import Cause, Measurement
from overnight.campaign.history.provenance import Prediction, Provenance
from overnight.campaign.space import Point
from overnight.campaign.values.read_only import GivesItsPoint, ReadOnly, ReadOnlyDict

Status = Literal["observed", "failed", "stopped", "abandoned", "rejected", "awaiting approval", "running", "waiting"]
Generator = Literal["baseline", "manual", "sobol", "model", "custom", "import"]
Share = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Proposal(GivesItsPoint, BaseModel):
    """A point worth trying, and why; `weight` is its share of what is tried at once with it, as in an A/B test."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    point: Point
    generator: Generator
    provenance: Provenance | None = None
    weight: Share | None = None

    def prediction(self, metric: str) -> Prediction | None:
        """Return what a metric was expected to be, None if nothing predicted it."""
        return None if self.provenance is None else self.provenance.predicted.get(metric)


class AttemptEnd(BaseModel):
    """How an attempt ended badly.

    One that failed for its `machine`'s sake counts for nothing; `metrics` were measured all the same, and nothing is
    learnt from them.
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
    """One execution of a trial; `failed` is None while it runs and when it gave the observation.

    `host` and `process` tell the controller that started it, None where a person did. `unknown` says what a person has
    to decide, where nobody can know how it ended. `evaluator` is the digest of the evaluator's version, if it is known.
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
    failed: AttemptEnd | None = None


class Observation(BaseModel):
    """A trial ended well: the measured metrics; `attempt` is 0 where another system measured them.

    `notes` say which side information of the result was ignored, and why.
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
    """A trial ended without a result, and why; a quarantined point took several workers with it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["failed"] = "failed"
    attempt: int
    cause: Cause
    message: str
    quarantined: bool = False
    ended: datetime


class Stopped(BaseModel):
    """A rule ended a trial on its way, since at `step` the `value` of `metric` was worse than the `threshold`.

    Its reports are kept.
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
    """A person ended a trial without a result, and why; it says nothing about its point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["abandoned", "rejected"]
    by: str
    why: str
    ended: datetime


Outcome = Observation | Failure | Stopped | Withdrawal


class Trial(BaseModel):
    """A proposal with an id, and everything that has happened to it; `parked` while it waits for approval.

    `parked_because` says why it had to wait, also once somebody has decided; where that was to let it be started, it is
    `approved`. Trials that were proposed together have the number of the first of them as their `batch`; it is None if
    no proposer was asked for it.
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

    @property
    def point(self) -> Point:
        """Return the point that is tried."""
        return self.proposal.point

    @property
    def imported(self) -> bool:
        """Tell whether it came with past results: nothing was executed for it, and it costs nothing of the budget."""
        return self.proposal.generator == "import"

    @property
    def counted(self) -> bool:
        """Tell whether it is one of the budget's: it was started, or somebody reported its result."""
        return bool(self.attempts) or (isinstance(self.outcome, Observation) and not self.imported)

    @property
    def pending(self) -> bool:
        """Tell whether it has been proposed, is not parked and has not ended."""
        return self.outcome is None and not self.parked

    @property
    def status(self) -> Status:
        """Return how it stands; one that waits has no attempt under way."""
        if self.outcome is not None:
            return self.outcome.kind
        if self.parked:
            return "awaiting approval"
        return "running" if self.open_attempt is not None else "waiting"

    @property
    def measured(self) -> Mapping[str, Measurement]:
        """Return the metrics that were observed; none if there is no result."""
        return self.outcome.metrics if isinstance(self.outcome, Observation) else {}

    @property
    def seconds(self) -> float | None:
        """Return how long its attempts took together; None before its end, and where nothing was executed for it."""
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
        """Return the attempt that was under way when the trial was withdrawn or stopped, until its end is written."""
        if isinstance(self.outcome, Stopped | Withdrawal) and self.attempts and self.attempts[-1].failed is None:
            return self.attempts[-1]
        return None
