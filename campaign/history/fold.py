"""Fold events into a history; duplicates and late events change nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from overnight.campaign.definition import Campaign
from overnight.campaign.errors import InvalidHistory
from overnight.campaign.history.evaluator_version import EvaluatorVersion
from overnight.campaign.history.events import (
    MAY_CHANGE_A_RECOMMENDATION,
    AttemptFailed,
    AttemptPlaced,
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
    LossAccepted,
    MeasurementReported,
    RecommendationMade,
    TrialAbandoned,
    TrialApproved,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialRejected,
    TrialStopped,
)
from overnight.campaign.history.life import Ending, Life
from overnight.campaign.history.past_values import PastValues
from overnight.campaign.history.provenance import UNNAMED_OBJECTIVE
from overnight.campaign.history.trials import Trials

_OfCampaign = (
    LeaseTaken
    | CampaignDrained
    | CampaignFinished
    | CampaignPaused
    | CampaignResumed
    | CampaignAskedToStop
    | CampaignDefined
    | CampaignRevised
    | LossAccepted
    | RecommendationMade
)
# Looked up at every event, as are `MAY_CHANGE_A_RECOMMENDATION`.
_MEASURES_NO_TIME = frozenset({CampaignDefined, CampaignRevised, LossAccepted})
_OfTrial = (
    AttemptStarted | AttemptPlaced | MeasurementReported | AttemptFailed | AttemptUnknown | TrialApproved | Ending
)


@dataclass
class Fold:
    """The mutable state of a history while events are folded in one by one; its fields have the history's names."""

    defined: CampaignDefined | None
    revised: CampaignRevised | None
    revised_after: int
    superseded: tuple[Campaign, ...]
    revisions: tuple[CampaignRevised, ...]
    lease: LeaseTaken | None
    closed_by: CampaignDrained | CampaignFinished | None
    closed_under: CampaignRevised | None
    paused: CampaignPaused | None
    asked_to_stop: CampaignAskedToStop | None
    requests: int
    trials: Trials
    reports: Mapping[int, tuple[MeasurementReported, ...]]
    active_seconds: float
    active_until: datetime | None
    last_time: datetime | None
    events: int
    evaluators: tuple[EvaluatorVersion, ...]
    recommended: RecommendationMade | None
    events_read: int
    evidence_until: int

    def __post_init__(self) -> None:
        # Only the trials that are affected by an event are rebuilt.
        self._lives: dict[int, Life] = {}
        self._reported: dict[int, dict[tuple[int, int], MeasurementReported]] = {}
        # Kept up to date, because they are needed at every event.
        self._parked = {trial.id for trial in self.trials.open if trial.parked}
        self._pending = {trial.id for trial in self.trials.open if trial.pending}
        self._objective = self._objective_now()
        self._past = PastValues.of(self.revised and self.revised.definition, self.superseded)

    def state(self) -> dict[str, Any]:
        """Return the fields of the history after these events."""
        lived = {number: life.trial() for number, life in self._lives.items()}
        reported = {trial: tuple(of_steps.values()) for trial, of_steps in self._reported.items()}
        reports = MappingProxyType({**self.reports, **reported}) if reported else self.reports
        held = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return held | {"trials": self.trials.changed(lived), "reports": reports}

    def apply(self, event: Event) -> None:
        """Take in one more event; raises InvalidHistory if its trial was never proposed."""
        # Read before the event changes the lease: the time between two sessions does not count.
        at_work = self.lease is not None and self.closed_by is None
        if at_work and (self._parked or self.paused is not None):
            at_work = not self._waits_for_people()
        self.events_read += 1
        if self._changes(event):
            self.events += 1
            if type(event) in MAY_CHANGE_A_RECOMMENDATION:
                self.evidence_until = self.events_read
            self._count_time(event, at_work)

    def _changes(self, event: Event) -> bool:
        """Take the event in and return whether it changed anything; the most frequent kinds come first."""
        match event:
            case TrialProposed():
                return self._propose(event)
            case AttemptStarted():
                self._see(event.sources)
                return self._life(event).start(event, self.lease, self.evaluators[-1] if self.evaluators else None)
            case TrialObserved() | TrialFailed() | TrialStopped() | TrialAbandoned() | TrialRejected():
                return self._end(event)
            case TrialApproved():
                return self._approve(event)
            case MeasurementReported():
                return self._report(event)
            case AttemptFailed():
                return self._life(event).fail_attempt(event)
            case AttemptUnknown():
                return self._life(event).ask(event)
            case AttemptPlaced():
                return self._life(event).place(event)
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
                self._objective = self._objective_now()
                return known is None
            case CampaignRevised():
                return self._revise(event)
            case RecommendationMade():
                return self._recommend(event)
            case LossAccepted():
                return True

    def _count_time(self, event: Event, at_work: bool) -> None:
        """Count the time since the last event of the lease's holder; the events of others do not measure it."""
        if type(event) in _MEASURES_NO_TIME:
            return
        time = self.last_time = event.time
        if self.lease is None or event.actor != self.lease.actor:
            # If a person had to act, the time until the controller's next event does not count either.
            self.active_until = self.active_until if at_work else None
            return
        if at_work and self.active_until is not None and type(event) is not LeaseTaken:
            self.active_seconds += max((time - self.active_until).total_seconds(), 0.0)
        self.active_until = time

    def _take_lease(self, event: LeaseTaken) -> bool:
        newer = self.lease is None or event.epoch > self.lease.epoch
        if newer:
            self._see(event.sources)
            self.lease, self.closed_by, self.asked_to_stop = event, None, None
        return newer

    def _see(self, sources: Mapping[str, str] | None) -> None:
        """Record the version of the evaluator from now on."""
        if sources and (not self.evaluators or self.evaluators[-1].sources != sources):
            self.evaluators += (EvaluatorVersion(MappingProxyType({**sources})),)

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
            if latest is not None:
                self.superseded, self.revisions = (*self.superseded, latest.definition), (*self.revisions, event)
            self.revised, self.revised_after = event, max(self.trials.last, max(self._lives, default=0))
            self._objective = self._objective_now()
            self._place_earlier_trials()
        return newer

    def _place_earlier_trials(self) -> None:
        """Give the trials the values of parameters and the calculations that were added later."""
        before, self._past = self._past, PastValues.of(self.revised and self.revised.definition, self.superseded)
        if before.added or self._past.added or self._past.calculations:
            for number in (*self.trials, *(number for number in self._lives if number not in self.trials)):
                life = self._lives.get(number) or Life.of(self.trials[number])
                life.place_in(self._past)
                self._lives[number] = life

    def _recommend(self, event: RecommendationMade) -> bool:
        newer = self.recommended is None or event.events_seen > self.recommended.events_seen
        self.recommended = event if newer else self.recommended
        return newer

    def _pause(self, event: CampaignPaused | CampaignResumed) -> bool:
        if event.request <= self.requests:
            return False
        self.requests = event.request
        pause = isinstance(event, CampaignPaused)
        # A person's pause replaces a controller's own, which would end by itself.
        outlasts = pause and self._is_controllers(self.paused) and not self._is_controllers(event)
        if pause == (self.paused is not None) and not outlasts:
            return False
        self.paused = event if isinstance(event, CampaignPaused) else None
        return True

    def _is_controllers(self, event: Event | None) -> bool:
        return event is not None and self.lease is not None and event.actor == self.lease.actor

    def _waits_for_people(self) -> bool:
        """Return whether the controller could do nothing until a person acted."""
        if self.paused is not None:
            return not self._something_runs()
        return bool(self._parked) and not self._pending

    def _something_runs(self) -> bool:
        """Return whether the controller has an evaluation under way."""
        trials = [*(life.trial() for life in self._lives.values())]
        trials += [trial for trial in self.trials.open if trial.id not in self._lives]
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
        if event.trial in self._lives or event.trial in self.trials:
            return False
        last = self._lives.get(event.trial - 1) or self.trials.get(event.trial - 1)
        life = self._lives[event.trial] = Life.begun_by(event, self._objective, last)
        life.place_in(self._past)
        (self._parked if event.parked else self._pending).add(event.trial)
        return True

    def _approve(self, event: TrialApproved) -> bool:
        approved = self._life(event).approve()
        if approved:
            self._parked.discard(event.trial)
            self._pending.add(event.trial)
        return approved

    def _end(self, event: Ending) -> bool:
        ended = self._life(event).end(event, self._objective, self._past)
        if ended:
            self._parked.discard(event.trial)
            self._pending.discard(event.trial)
        return ended

    def _objective_now(self) -> str:
        latest = self.revised or self.defined
        return UNNAMED_OBJECTIVE if latest is None else latest.definition.objective.metric

    def _report(self, event: MeasurementReported) -> bool:
        self._life(event)
        if event.trial not in self._reported:
            known = self.reports.get(event.trial, ())
            self._reported[event.trial] = {(report.attempt, report.step): report for report in known}
        reports = self._reported[event.trial]
        new = (event.attempt, event.step) not in reports
        reports.setdefault((event.attempt, event.step), event)
        return new

    def _life(self, event: _OfTrial) -> Life:
        life = self._lives.get(event.trial)
        if life is not None:
            return life
        trial = self.trials.get(event.trial)
        if trial is None:
            raise InvalidHistory(f"event `{event.id}`: trial {event.trial} was not proposed by any earlier event")
        life = self._lives[event.trial] = Life.of(trial)
        return life
