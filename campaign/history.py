"""What has happened so far: the fold of the events, and the view of it that a proposal is made from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from campaign.definition import Campaign
from campaign.errors import InvalidHistory
from campaign.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignDefined,
    CampaignDrained,
    CampaignFinished,
    CampaignRevised,
    Event,
    LeaseTaken,
    MeasurementReported,
    TrialFailed,
    TrialObserved,
    TrialProposed,
)
from campaign.trial import Attempt, AttemptEnd, Failure, Observation, Proposal, Trial


@dataclass(frozen=True)
class ModelView:
    """What a proposal may depend on: trials by how they stand, each in the order of their ids.

    It is the same for every order of the events that keeps each trial's own order.
    """

    observed: tuple[Trial, ...]
    pending: tuple[Trial, ...]
    failed: tuple[Trial, ...]


@dataclass(frozen=True)
class History:
    """The state of a campaign after some events.

    `active_seconds` is the time during which a controller was at work: the gaps between sessions do not count.
    """

    defined: CampaignDefined | None = None
    revised: CampaignRevised | None = None
    lease: LeaseTaken | None = None
    closed_by: CampaignDrained | CampaignFinished | None = None
    trials: Mapping[int, Trial] = field(default_factory=lambda: MappingProxyType({}))
    reports: Mapping[int, tuple[MeasurementReported, ...]] = field(default_factory=lambda: MappingProxyType({}))
    active_seconds: float = 0.0
    last_time: datetime | None = None
    seen: frozenset[str] = frozenset()

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> "History":
        """Fold events in ledger order; an event that was seen before changes nothing.

        Raises InvalidHistory where an event speaks of a trial that no earlier one proposed.
        """
        return cls().extended(events)

    def extended(self, events: Iterable[Event]) -> "History":
        """Return the history after some more events, in ledger order."""
        state = _Fold(self)
        for event in events:
            state.apply(event)
        return state.history()

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
        return max(self.trials, default=0) + 1

    @property
    def started(self) -> int:
        """Return how many trials have started, which is what the budget counts."""
        return sum(1 for trial in self.trials.values() if trial.attempts)

    def model_view(self) -> ModelView:
        """Return what a proposal may depend on."""
        trials = [self.trials[i] for i in sorted(self.trials)]
        return ModelView(
            observed=tuple(t for t in trials if isinstance(t.outcome, Observation)),
            pending=tuple(t for t in trials if t.outcome is None),
            failed=tuple(t for t in trials if isinstance(t.outcome, Failure)),
        )


_OfTrial = AttemptStarted | MeasurementReported | AttemptFailed | TrialObserved | TrialFailed


class _Fold:
    """The only mutable thing here: a history being built."""

    def __init__(self, start: History) -> None:
        self.state = start
        self.trials = dict(start.trials)
        self.reports = dict(start.reports)
        self.seen = set(start.seen)

    def history(self) -> History:
        return replace(
            self.state,
            trials=MappingProxyType(self.trials),
            reports=MappingProxyType(self.reports),
            seen=frozenset(self.seen),
        )

    def apply(self, event: Event) -> None:
        if event.id in self.seen:
            return
        self.seen.add(event.id)
        self._count_time(event)
        match event:
            case CampaignDefined():
                self.state = replace(self.state, defined=event)
            case CampaignRevised():
                self.state = replace(self.state, revised=event)
            case LeaseTaken():
                self.state = replace(self.state, lease=event, closed_by=None)
            case CampaignDrained() | CampaignFinished():
                self.state = replace(self.state, closed_by=event)
            case TrialProposed():
                self._propose(event)
            case AttemptStarted():
                self._start(event)
            case MeasurementReported():
                self._trial(event)
                self.reports[event.trial] = (*self.reports.get(event.trial, ()), event)
            case AttemptFailed():
                self._fail_attempt(event)
            case TrialObserved() | TrialFailed():
                self._end(event)

    def _count_time(self, event: Event) -> None:
        """Count the time since a controller's last event; what people write between sessions takes none."""
        if isinstance(event, CampaignDefined | CampaignRevised):
            return
        at_work = self.state.lease is not None and self.state.closed_by is None and not isinstance(event, LeaseTaken)
        gap = 0.0
        if at_work and self.state.last_time is not None:
            gap = max((event.time - self.state.last_time).total_seconds(), 0.0)
        self.state = replace(self.state, active_seconds=self.state.active_seconds + gap, last_time=event.time)

    def _propose(self, event: TrialProposed) -> None:
        proposal = Proposal(point=event.point, generator=event.generator, provenance=event.provenance)
        self.trials[event.trial] = Trial(id=event.trial, proposal=proposal, proposed=event.time)

    def _start(self, event: AttemptStarted) -> None:
        trial = self._trial(event)
        attempt = Attempt(
            number=event.attempt, key=event.key, actor=event.actor, started=event.time, deadline=event.deadline
        )
        self._keep(trial, attempts=(*trial.attempts, attempt))

    def _fail_attempt(self, event: AttemptFailed) -> None:
        trial = self._trial(event)
        end = AttemptEnd(
            cause=event.cause,
            message=event.message,
            will_retry=event.will_retry,
            seconds=event.seconds,
            cost=event.cost,
        )
        attempts = tuple(
            a.model_copy(update={"failed": end}) if a.number == event.attempt else a for a in trial.attempts
        )
        self._keep(trial, attempts=attempts)

    def _end(self, event: TrialObserved | TrialFailed) -> None:
        trial = self._trial(event)
        if trial.outcome is not None:
            return
        if isinstance(event, TrialObserved):
            self._keep(
                trial,
                outcome=Observation(
                    attempt=event.attempt,
                    metrics=event.metrics,
                    seconds=event.seconds,
                    cost=event.cost,
                    artifacts=event.artifacts,
                    ended=event.time,
                ),
            )
        else:
            self._keep(
                trial,
                outcome=Failure(
                    attempt=event.attempt,
                    cause=event.cause,
                    message=event.message,
                    ended=event.time,
                ),
            )

    def _trial(self, event: _OfTrial) -> Trial:
        if event.trial not in self.trials:
            raise InvalidHistory(
                f"event `{event.id}`: expected trial {event.trial} to have been proposed before, found no such trial"
            )
        return self.trials[event.trial]

    def _keep(self, trial: Trial, **changes: object) -> None:
        self.trials[trial.id] = trial.model_copy(update=changes)
