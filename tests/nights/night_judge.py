"""Compare the evidence of two nights with the promises of a window, and name every broken promise."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from flow_runs import FlowRun
from night_campaign import Evaluated
from night_rules import MOMENT, Night, forgotten, nights_of, outside_of_window, overtaken

from overnight.campaign import History
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDrained,
    CampaignFinished,
    Event,
    TrialFailed,
    TrialObserved,
)
from overnight.campaign.window import Window
from overnight.flows.host.attempt_key import attempt_number
from overnight.flows.replay.again import Replayed

TIME_LIMIT = timedelta(seconds=100)
# How long an evaluation may take to end.
_GRACE = timedelta(seconds=10)


@dataclass(frozen=True)
class Evidence:
    """The evidence that one campaign leaves after its nights.

    `runs` are its flow runs that began. `by_hand` is the answer to a second start in the first night; None if there was
    no second start. `damage` is the finding of `verify`.
    """

    name: str
    window: Window
    trials: int
    openings: Sequence[datetime]
    events: Sequence[Event]
    evaluated: Mapping[str, Evaluated]
    runs: Sequence[FlowRun]
    by_hand: str | None = None
    damage: str = ""
    replayed: Sequence[Replayed] = ()

    @cached_property
    def history(self) -> History:
        """Return the final history of the campaign."""
        return History.from_events(self.events)

    @cached_property
    def nights(self) -> list[Night]:
        """Return the events of each controller, in order."""
        return nights_of(self.events)

    def closes(self, night: int) -> datetime:
        """Return when the window of a night closed; nights are counted from 0."""
        closes = self.window.closes(self.openings[night])
        assert closes is not None
        return closes

    def at_work_at_the_end(self, night: int) -> list[Evaluated]:
        """Return the evaluations that were running when the window closed, by their own log."""
        closes = self.closes(night)
        return [e for e in self.evaluated.values() if e.began[0] < closes and (e.ended is None or e.ended > closes)]


def judge(evidence: Evidence) -> list[str]:
    """Return every broken promise, in words; nothing if all were kept."""
    return [
        *_started_by_the_schedule(evidence),
        *_in_the_window(evidence),
        *_both_nights_worked(evidence),
        *_went_on_with_what_was_left(evidence),
        *_at_the_end_of_the_window(evidence),
        *_once(evidence),
        *_whole(evidence),
    ]


def _started_by_the_schedule(evidence: Evidence) -> Iterator[str]:
    # The schedule also restarts a dead controller, but only after these windows have closed: each run is one at an
    # opening.
    due = [run.due for run in evidence.runs if run.by_schedule]
    if due != list(evidence.openings) or len(evidence.runs) != len(due):
        yield f"expected one run by the schedule at each opening and no other, found {evidence.runs}"
    for run in evidence.runs:
        if run.state != "Completed":
            yield f"the run that was due {run.due} is {run.state}"
        if run.began is not None and run.began < run.due - MOMENT:
            yield f"the run that was due {run.due} began before, {run.began}"
    if evidence.by_hand is not None and "The campaign is held by" not in evidence.by_hand:
        yield f"a second start was not refused by the lease: {evidence.by_hand}"


def _in_the_window(evidence: Evidence) -> Iterator[str]:
    yield from outside_of_window(evidence.events, evidence.window, TIME_LIMIT)
    for one in evidence.evaluated.values():
        if not all(evidence.window.is_open(moment) for moment in one.began):
            yield f"`{one.key}` began outside of the window, {one.began}, by its own clock"


def _both_nights_worked(evidence: Evidence) -> Iterator[str]:
    if len(evidence.nights) != len(evidence.openings):
        yield f"expected {len(evidence.openings)} controllers, found {len(evidence.nights)}"
    for night, opens in zip(evidence.nights, evidence.openings, strict=False):
        if not opens - MOMENT <= night.events[0].time < opens + evidence.window.length:
            yield f"a controller began {night.events[0].time}, not in the night of {opens}"
        if not (night.started and night.observed):
            yield f"in the night of {opens} {len(night.started)} were started and {len(night.observed)} observed"
    if not isinstance(evidence.nights[0].events[-1], CampaignDrained):
        yield f"the first night did not end by being drained: {evidence.nights[0].reason}"


def _went_on_with_what_was_left(evidence: Evidence) -> Iterator[str]:
    yield from forgotten(evidence.events)
    yield from overtaken(evidence.events)


def _at_the_end_of_the_window(evidence: Evidence) -> Iterator[str]:
    at_work = evidence.at_work_at_the_end(0)
    if not at_work:
        yield "no evaluation was at work when the window of the first night closed"
    stopped = {(event.trial, event.attempt): event for night in evidence.nights for event in night.stopped}
    for one in at_work:
        _, trial_text, last_part = one.key.split("/")
        trial, attempt = int(trial_text), attempt_number(last_part)
        if evidence.window.running == "finish" and (one.stopped or (trial, attempt) in stopped):
            yield f"`{one.key}` was stopped, and was to finish"
        if evidence.window.running == "stop":
            if (trial, attempt) not in stopped or not stopped[trial, attempt].will_retry:
                yield f"`{one.key}` was at work when the window closed, and was not stopped to be tried again"
            if one.ended is not None and one.ended > evidence.closes(0) + _GRACE:
                yield f"`{one.key}` was at work until {one.ended}"
    if isinstance(evidence.history.closed_by, CampaignFinished):
        observed = {(e.trial, e.attempt) for night in evidence.nights for e in night.observed}
        for trial, attempt in stopped:
            if (trial, attempt + 1) not in observed:
                yield f"trial {trial} was stopped and then not observed"


def _once(evidence: Evidence) -> Iterator[str]:
    outcomes = Counter(event.trial for event in evidence.events if isinstance(event, TrialObserved | TrialFailed))
    for trial in evidence.history.trials:
        if outcomes[trial] != 1:
            yield f"trial {trial} has {outcomes[trial]} outcomes"
    for one in evidence.evaluated.values():
        if len(one.began) != 1:
            yield f"`{one.key}` was evaluated {len(one.began)} times"
    started = {event.key for event in evidence.events if isinstance(event, AttemptStarted)}
    if started != set(evidence.evaluated):
        yield f"the ledger and the evaluations differ in what ran: {sorted(started ^ set(evidence.evaluated))}"
    if evidence.history.started != evidence.trials or not isinstance(evidence.history.closed_by, CampaignFinished):
        yield f"{evidence.history.started} of {evidence.trials} trials were started: {evidence.nights[-1].reason}"


def _whole(evidence: Evidence) -> Iterator[str]:
    if evidence.damage:
        yield evidence.damage
    for found in evidence.replayed:
        if found.verdict != "same":
            yield f"trial {found.trial} is {found.verdict}: {found.why}"
