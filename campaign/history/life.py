"""The mutable state of a trial while events are folded; each event changes it at most once."""

from dataclasses import dataclass
from datetime import datetime

from overnight.campaign.history.before_version_3 import batch_of, metric_of, with_names
from overnight.campaign.history.evaluator_version import EvaluatorVersion
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptPlaced,
    AttemptStarted,
    AttemptUnknown,
    LeaseTaken,
    TrialAbandoned,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialRejected,
    TrialStopped,
)
from overnight.campaign.history.past_values import PastValues
from overnight.campaign.history.trial import (
    Attempt,
    AttemptEnd,
    Failure,
    Observation,
    Outcome,
    Proposal,
    Stopped,
    Trial,
    Withdrawal,
)
from overnight.campaign.space import Point
from overnight.campaign.values.read_only import ReadOnlyDict, recorded_point
from overnight.campaign.values.unchecked import unchecked

# The values come from events, which have checked them.
_proposal = unchecked(Proposal)
_attempt = unchecked(Attempt, "unknown", "handle", "failed")
_observation = unchecked(Observation, "kind")
_trial = unchecked(Trial)

Ending = TrialObserved | TrialFailed | TrialStopped | TrialAbandoned | TrialRejected


@dataclass(slots=True)
class Life:
    """A trial that is affected by new events; a `Trial` is built from it once, after the last event.

    Methods that take in an event return whether it changed anything.
    """

    id: int
    proposal: Proposal
    proposed: datetime
    batch: int | None
    parked: bool
    parked_because: str | None
    approved: bool
    attempts: dict[int, Attempt]
    outcome: Outcome | None
    point_now: Point | None = None

    @classmethod
    def begun_by(cls, event: TrialProposed, objective: str, last: "Life | Trial | None") -> "Life":
        """Return a new trial; `last` is the trial before it."""
        provenance = with_names(event.provenance, objective)
        proposal = _proposal(
            point=recorded_point(event), generator=event.generator, provenance=provenance, weight=event.weight
        )
        batch = batch_of(event, last and last.proposal, last and last.batch)
        return cls(event.trial, proposal, event.time, batch, event.parked, event.parked_because, False, {}, None)

    @classmethod
    def of(cls, trial: Trial) -> "Life":
        """Return the state of an existing trial."""
        attempts = {attempt.number: attempt for attempt in trial.attempts}
        return cls(
            trial.id,
            trial.proposal,
            trial.proposed,
            trial.batch,
            trial.parked,
            trial.parked_because,
            trial.approved,
            attempts,
            trial.outcome,
            trial.point_now,
        )

    def trial(self) -> Trial:
        """Return the trial in its present state."""
        return _trial(
            id=self.id,
            proposal=self.proposal,
            proposed=self.proposed,
            batch=self.batch,
            parked=self.parked,
            parked_because=self.parked_because,
            approved=self.approved,
            attempts=tuple(self.attempts.values()),
            outcome=self.outcome,
            point_now=self.point_now,
        )

    def approve(self) -> bool:
        """Let a parked trial start."""
        waited = self.parked and self.outcome is None
        if waited:
            self.parked, self.approved = False, True
        return waited

    def start(self, event: AttemptStarted, lease: LeaseTaken | None, evaluator: EvaluatorVersion | None) -> bool:
        """Add an attempt; lease and evaluator give its host and its version, if the controller started it."""
        if event.attempt in self.attempts:
            return False
        by = lease if lease is not None and lease.actor == event.actor else None
        self.attempts[event.attempt] = _attempt(
            number=event.attempt,
            key=event.key,
            actor=event.actor,
            started=event.time,
            deadline=event.deadline,
            host=by and by.host,
            process=by and by.started,
            evaluator=by and evaluator and evaluator.digest,
            resumed=event.resumed,
        )
        return True

    def place(self, event: AttemptPlaced) -> bool:
        """Record the evaluator's handle of an attempt that has not failed; the newest one counts."""
        attempt = self.attempts.get(event.attempt)
        if attempt is None or attempt.failed is not None or attempt.handle == event.handle:
            return False
        self.attempts[event.attempt] = attempt.model_copy(update={"handle": event.handle})
        return True

    def fail_attempt(self, event: AttemptFailed) -> bool:
        """Close an attempt that has started and not failed yet."""
        attempt = self.attempts.get(event.attempt)
        if attempt is None or attempt.failed is not None:
            return False
        end = AttemptEnd(
            cause=event.cause,
            message=event.message,
            will_retry=event.will_retry,
            ended=event.time,
            seconds=event.seconds,
            cost=event.cost,
            machine=event.machine,
            metrics=event.metrics or {},
            notes=event.notes,
        )
        self.attempts[event.attempt] = attempt.model_copy(update={"failed": end})
        return True

    def ask(self, event: AttemptUnknown) -> bool:
        """Record that the end of an attempt is unknown."""
        attempt = self.attempts.get(event.attempt)
        if attempt is None or attempt.failed is not None or attempt.unknown is not None:
            return False
        self.attempts[event.attempt] = attempt.model_copy(update={"unknown": event.message})
        return True

    def place_in(self, past: PastValues) -> None:
        """Give the trial what it has as a trial of the present definition."""
        self.point_now = past.point_now(self.proposal.point)
        self._complete(past)

    def end(self, event: Ending, objective: str, past: PastValues) -> bool:
        """Close the trial; the first outcome counts."""
        if self.outcome is not None:
            return False
        self.outcome = _outcome_of(event, objective)
        self._complete(past)
        return True

    def _complete(self, past: PastValues) -> None:
        """Add the calculations that a result lacks."""
        if past.calculations and isinstance(self.outcome, Observation):
            metrics = past.measured_now(self.outcome.metrics)
            if metrics is not None:
                self.outcome = self.outcome.model_copy(update={"metrics": ReadOnlyDict(metrics)})


def _outcome_of(event: Ending, objective: str) -> Outcome:
    match event:
        case TrialObserved():
            return _observation(
                attempt=event.attempt,
                metrics=event.metrics,
                seconds=event.seconds,
                cost=event.cost,
                artifacts=event.artifacts,
                notes=event.notes,
                ended=event.time,
            )
        case TrialFailed():
            return Failure(
                attempt=event.attempt,
                cause=event.cause,
                message=event.message,
                quarantined=event.quarantined,
                ended=event.time,
            )
        case TrialStopped():
            return Stopped(
                attempt=event.attempt,
                rule=event.rule,
                metric=metric_of(event, objective),
                step=event.step,
                value=event.value,
                threshold=event.threshold,
                why=event.why,
                ended=event.time,
            )
        case TrialAbandoned():
            return Withdrawal(kind="abandoned", by=event.actor, why=event.why, ended=event.time)
        case TrialRejected():
            return Withdrawal(kind="rejected", by=event.actor, why=event.why, ended=event.time)
