"""What has happened so far: the fold of the events, and the view of it that a proposal is made from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from campaign import garbage
from campaign.definition import Campaign
from campaign.errors import InvalidHistory
from campaign.events import (
    AttemptFailed,
    AttemptStarted,
    AttemptUnknown,
    CampaignAskedToStop,
    CampaignDefined,
    CampaignDrained,
    CampaignFinished,
    CampaignPaused,
    CampaignResumed,
    CampaignRevised,
    Event,
    LeaseTaken,
    MeasurementReported,
    TrialAbandoned,
    TrialApproved,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialRejected,
    TrialStopped,
)
from campaign.trial import Attempt, AttemptEnd, Failure, Observation, Outcome, Proposal, Stopped, Trial, Withdrawal
from campaign.trials import Trials


@dataclass(frozen=True)
class ModelView:
    """What a proposal may depend on: trials by how they stand, each in the order of their ids.

    Where some were stopped on their way, `reports` holds what these and the observed ones reported. `withheld` await
    approval or were rejected; `approvals` and `rejections` are how often people have decided so. It is the same for
    every order of the events that keeps each trial's own order.
    """

    observed: tuple[Trial, ...]
    pending: tuple[Trial, ...]
    failed: tuple[Trial, ...]
    stopped: tuple[Trial, ...] = ()
    withheld: tuple[Trial, ...] = ()
    reports: Mapping[int, tuple[MeasurementReported, ...]] = field(default_factory=lambda: MappingProxyType({}))
    approvals: int = 0
    rejections: int = 0


@dataclass(frozen=True)
class History:
    """The state of a campaign after some events.

    `active_seconds` is the time during which a controller was at work, up to its last event at `active_until`: the gaps
    between sessions do not count, nor does the time in which it had to wait for people, and what they write meanwhile
    says nothing about it.
    `superseded` are the definitions that held before the newest one; `closed_under` is the revision that held when a
    controller closed the campaign.
    `paused` waits to be resumed, `asked_to_stop` is meant for the lease's own controller, `requests` is the number of
    the last request. `events` is how many events made it what it is; one that was there before, or came too late, is
    none of them.
    """

    defined: CampaignDefined | None = None
    revised: CampaignRevised | None = None
    superseded: tuple[Campaign, ...] = ()
    lease: LeaseTaken | None = None
    closed_by: CampaignDrained | CampaignFinished | None = None
    closed_under: CampaignRevised | None = None
    paused: CampaignPaused | None = None
    asked_to_stop: CampaignAskedToStop | None = None
    requests: int = 0
    trials: Trials = field(default_factory=Trials)
    reports: Mapping[int, tuple[MeasurementReported, ...]] = field(default_factory=lambda: MappingProxyType({}))
    active_seconds: float = 0.0
    active_until: datetime | None = None
    last_time: datetime | None = None
    events: int = 0

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> "History":
        """Fold events in ledger order; an event that was seen before changes nothing.

        Raises InvalidHistory where an event speaks of a trial that no earlier one proposed.
        """
        return cls().extended(events)

    def extended(self, events: Iterable[Event]) -> "History":
        """Return the history after some more events, in ledger order."""
        fold = _Fold(self)
        with garbage.left_alone():
            for event in events:
                fold.apply(event)
            return fold.history()

    @property
    def definition(self) -> Campaign:
        """Return what is asked for, as last revised; raises InvalidHistory where nothing has been defined."""
        latest = self.revised or self.defined
        if latest is None:
            raise InvalidHistory("Expected the ledger to begin with a `campaign_defined` event, found none.")
        return latest.definition

    @property
    def next_trial(self) -> int:
        """Return the id that the next proposed trial gets; ids start at 1."""
        return self.trials.last + 1

    @property
    def started(self) -> int:
        """Return how many trials have started, which is what the budget counts."""
        return self.trials.started

    @property
    def budgeted(self) -> int:
        """Return how many trials were proposed that the budget counts, or will once they start."""
        return self.started + sum(1 for t in self.trials.open if t.pending and not t.counted and not t.imported)

    @property
    def awaiting(self) -> int:
        """Return how many trials wait for a person's approval."""
        return sum(1 for trial in self.trials.open if trial.parked)

    @property
    def taken(self) -> int:
        """Return how many trials have a place in the budget; those that await approval keep theirs."""
        return self.budgeted + self.awaiting

    @property
    def waits_for_people(self) -> bool:
        """Tell whether it is people's turn: it is paused, or nothing is outstanding but what awaits approval."""
        return self.paused is not None or 0 < self.awaiting == len(self.trials.open)

    @property
    def finished(self) -> CampaignFinished | None:
        """Return the event that ended the campaign; None while it goes on, and where it was revised since."""
        closed = self.closed_by
        return closed if isinstance(closed, CampaignFinished) and self.closed_under == self.revised else None

    def model_view(self) -> ModelView:
        """Return what a proposal may depend on."""
        trials = [self.trials[i] for i in sorted(self.trials)]
        observed = tuple(t for t in trials if isinstance(t.outcome, Observation))
        stopped = tuple(t for t in trials if isinstance(t.outcome, Stopped))
        told = [t.id for t in (*observed, *stopped) if t.id in self.reports] if stopped else []
        return ModelView(
            observed=observed,
            pending=tuple(t for t in trials if t.pending),
            failed=tuple(t for t in trials if isinstance(t.outcome, Failure)),
            stopped=stopped,
            withheld=tuple(t for t in trials if t.status in ("awaiting approval", "rejected")),
            reports=MappingProxyType({trial: self.reports[trial] for trial in told}),
            approvals=sum(1 for t in trials if t.approved),
            rejections=sum(1 for t in trials if t.status == "rejected"),
        )


_Ending = TrialObserved | TrialFailed | TrialStopped | TrialAbandoned | TrialRejected
_OfCampaign = (
    LeaseTaken
    | CampaignDrained
    | CampaignFinished
    | CampaignPaused
    | CampaignResumed
    | CampaignAskedToStop
    | CampaignDefined
    | CampaignRevised
)
_OfTrial = AttemptStarted | MeasurementReported | AttemptFailed | AttemptUnknown | TrialApproved | _Ending


@dataclass
class _Life:
    """A trial that something happens to; it is built once, after the last event."""

    id: int
    proposal: Proposal
    proposed: datetime
    parked: bool
    parked_because: str | None
    approved: bool
    attempts: dict[int, Attempt]
    outcome: Outcome | None

    def trial(self) -> Trial:
        return Trial(
            id=self.id,
            proposal=self.proposal,
            proposed=self.proposed,
            parked=self.parked,
            parked_because=self.parked_because,
            approved=self.approved,
            attempts=tuple(self.attempts.values()),
            outcome=self.outcome,
        )


class _Fold:
    """The only mutable thing here: a history being built."""

    def __init__(self, start: History) -> None:
        self.start = start
        self.defined, self.revised, self.superseded = start.defined, start.revised, start.superseded
        self.lease, self.closed_by, self.closed_under = start.lease, start.closed_by, start.closed_under
        self.paused, self.asked_to_stop, self.requests = start.paused, start.asked_to_stop, start.requests
        self.active_seconds, self.active_until = start.active_seconds, start.active_until
        self.last_time = start.last_time
        self.events = start.events
        self.lives: dict[int, _Life] = {}
        self.reports: dict[int, dict[tuple[int, int], MeasurementReported]] = {}
        # Kept up to date, since they are asked for at every event.
        self.parked = {trial.id for trial in start.trials.open if trial.parked}
        self.pending = {trial.id for trial in start.trials.open if trial.pending}

    def history(self) -> History:
        reports = {trial: tuple(of_steps.values()) for trial, of_steps in self.reports.items()}
        return History(
            defined=self.defined,
            revised=self.revised,
            superseded=self.superseded,
            lease=self.lease,
            closed_by=self.closed_by,
            closed_under=self.closed_under,
            paused=self.paused,
            asked_to_stop=self.asked_to_stop,
            requests=self.requests,
            trials=self.start.trials.changed({number: life.trial() for number, life in self.lives.items()}),
            reports=MappingProxyType({**self.start.reports, **reports}),
            active_seconds=self.active_seconds,
            active_until=self.active_until,
            last_time=self.last_time,
            events=self.events,
        )

    def apply(self, event: Event) -> None:
        # The lease as it was before this event: what happens between two sessions takes no time.
        at_work = self.lease is not None and self.closed_by is None and not self._waits_for_people()
        if self._changes(event):
            self.events += 1
            self._count_time(event, at_work)
            self._sort_in(getattr(event, "trial", None))

    def _changes(self, event: Event) -> bool:
        """Take the event in, and tell whether it says anything new; what happens most often is asked first."""
        match event:
            case TrialProposed():
                return self._propose(event)
            case AttemptStarted():
                return self._start(event)
            case TrialObserved() | TrialFailed() | TrialStopped() | TrialAbandoned() | TrialRejected():
                return self._end(event)
            case TrialApproved():
                return self._approve(event)
            case MeasurementReported():
                return self._report(event)
            case AttemptFailed():
                return self._fail_attempt(event)
            case AttemptUnknown():
                return self._ask(event)
            case _:
                return self._changes_campaign(event)

    def _changes_campaign(self, event: _OfCampaign) -> bool:
        match event:
            case LeaseTaken():
                return self._take_lease(event)
            case CampaignDrained() | CampaignFinished():
                return self._close(event)
            case CampaignPaused() | CampaignResumed():
                return self._pause(event)
            case CampaignAskedToStop():
                return self._ask_to_stop(event)
            case CampaignDefined():
                known, self.defined = self.defined, self.defined or event
                return known is None
            case CampaignRevised():
                return self._revise(event)

    def _count_time(self, event: Event, at_work: bool) -> None:
        """Count the time since the last event of whoever holds the lease; when others write says nothing about it."""
        if isinstance(event, CampaignDefined | CampaignRevised):
            return
        self.last_time = event.time
        if self.lease is None or event.actor != self.lease.actor:
            # Where it was people's turn, the time until the controller's next event is none of its own either.
            self.active_until = self.active_until if at_work else None
            return
        if at_work and self.active_until is not None and not isinstance(event, LeaseTaken):
            self.active_seconds += max((event.time - self.active_until).total_seconds(), 0.0)
        self.active_until = event.time

    def _take_lease(self, event: LeaseTaken) -> bool:
        newer = self.lease is None or event.epoch > self.lease.epoch
        if newer:
            self.lease, self.closed_by, self.asked_to_stop = event, None, None
        return newer

    def _close(self, event: CampaignDrained | CampaignFinished) -> bool:
        of_another = self.lease is not None and event.epoch != self.lease.epoch
        if self.closed_by is not None or of_another:
            return False
        self.closed_by, self.closed_under = event, self.revised
        return True

    def _revise(self, event: CampaignRevised) -> bool:
        latest = self.revised or self.defined
        newer = self.revised is None or event.revision > self.revised.revision
        if newer:
            self.superseded += (latest.definition,) if latest is not None else ()
            self.revised = event
        return newer

    def _pause(self, event: CampaignPaused | CampaignResumed) -> bool:
        if event.request <= self.requests:
            return False
        self.requests = event.request
        pause = isinstance(event, CampaignPaused)
        if pause == (self.paused is not None):
            return False
        self.paused = event if isinstance(event, CampaignPaused) else None
        return True

    def _waits_for_people(self) -> bool:
        """Tell whether the controller had nothing to do before people have said something."""
        if self.paused is not None:
            return not self._something_runs()
        return bool(self.parked) and not self.pending

    def _sort_in(self, number: int | None) -> None:
        """Keep up to date which trials are parked and which are pending."""
        if number is None:
            return
        life = self.lives[number]
        self.parked.discard(number)
        self.pending.discard(number)
        if life.outcome is None:
            (self.parked if life.parked else self.pending).add(number)

    def _something_runs(self) -> bool:
        """Tell whether the controller has an evaluation under way."""
        trials = [*(life.trial() for life in self.lives.values())]
        trials += [trial for trial in self.start.trials.open if trial.id not in self.lives]
        actor = self.lease and self.lease.actor
        return any(trial.open_attempt is not None and trial.open_attempt.actor == actor for trial in trials)

    def _ask_to_stop(self, event: CampaignAskedToStop) -> bool:
        known = self.asked_to_stop
        of_another = self.lease is None or event.epoch != self.lease.epoch or self.closed_by is not None
        if of_another or (known is not None and known.at_once >= event.at_once):
            return False
        self.asked_to_stop = event
        return True

    def _propose(self, event: TrialProposed) -> bool:
        if event.trial in self.lives or event.trial in self.start.trials:
            return False
        proposal = Proposal(point=event.point, generator=event.generator, provenance=event.provenance)
        self.lives[event.trial] = _Life(
            event.trial, proposal, event.time, event.parked, event.parked_because, False, {}, None
        )
        return True

    def _approve(self, event: TrialApproved) -> bool:
        life = self._life(event)
        waited = life.parked and life.outcome is None
        if waited:
            life.parked, life.approved = False, True
        return waited

    def _start(self, event: AttemptStarted) -> bool:
        attempts = self._life(event).attempts
        if event.attempt in attempts:
            return False
        by = self.lease if self.lease is not None and self.lease.actor == event.actor else None
        attempts[event.attempt] = Attempt(
            number=event.attempt,
            key=event.key,
            actor=event.actor,
            started=event.time,
            deadline=event.deadline,
            host=by and by.host,
            process=by and by.started,
        )
        return True

    def _report(self, event: MeasurementReported) -> bool:
        self._life(event)
        if event.trial not in self.reports:
            known = self.start.reports.get(event.trial, ())
            self.reports[event.trial] = {(report.attempt, report.step): report for report in known}
        reports = self.reports[event.trial]
        new = (event.attempt, event.step) not in reports
        reports.setdefault((event.attempt, event.step), event)
        return new

    def _fail_attempt(self, event: AttemptFailed) -> bool:
        attempts = self._life(event).attempts
        attempt = attempts.get(event.attempt)
        if attempt is None or attempt.failed is not None:
            return False
        end = AttemptEnd(
            cause=event.cause,
            message=event.message,
            will_retry=event.will_retry,
            ended=event.time,
            seconds=event.seconds,
            cost=event.cost,
        )
        attempts[event.attempt] = attempt.model_copy(update={"failed": end})
        return True

    def _ask(self, event: AttemptUnknown) -> bool:
        attempts = self._life(event).attempts
        attempt = attempts.get(event.attempt)
        if attempt is None or attempt.failed is not None or attempt.unknown is not None:
            return False
        attempts[event.attempt] = attempt.model_copy(update={"unknown": event.message})
        return True

    def _end(self, event: _Ending) -> bool:
        life = self._life(event)
        if life.outcome is not None:
            return False
        life.outcome = _outcome_of(event)
        return True

    def _life(self, event: _OfTrial) -> _Life:
        life = self.lives.get(event.trial)
        if life is not None:
            return life
        trial = self.start.trials.get(event.trial)
        if trial is None:
            raise InvalidHistory(
                f"event `{event.id}`: expected trial {event.trial} to have been proposed before, found no such trial"
            )
        attempts = {attempt.number: attempt for attempt in trial.attempts}
        life = self.lives[event.trial] = _Life(
            trial.id,
            trial.proposal,
            trial.proposed,
            trial.parked,
            trial.parked_because,
            trial.approved,
            attempts,
            trial.outcome,
        )
        return life


def _outcome_of(event: _Ending) -> Outcome:
    match event:
        case TrialObserved():
            return Observation(
                attempt=event.attempt,
                metrics=event.metrics,
                seconds=event.seconds,
                cost=event.cost,
                artifacts=event.artifacts,
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
