"""Compare the evidence of two nights, in whose first everything was killed, with what was promised."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from amplifier_campaign import Evaluated
from flow_runs import FlowRun
from night_rules import MOMENT, Night, forgotten, nights_of, outside_of_window
from terminal import Typed

from overnight.campaign import History
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignDrained,
    CampaignFinished,
    Event,
    TrialFailed,
    TrialObserved,
)
from overnight.campaign.window import Window


@dataclass(frozen=True)
class Kill:
    """The moments at which everything was killed and ran again, and the facts known just before.

    `seen` are the events in the bucket, `evaluating` the keys of the attempts with living processes, and `processes`
    the numbers of killed processes by part. `status` is what `overnight status` reported once everything ran again.
    """

    at: datetime
    again: datetime
    seen: Sequence[Event]
    evaluating: Sequence[str]
    processes: Mapping[str, int]
    status: Typed


@dataclass(frozen=True)
class Evidence:
    """The evidence that two nights leave.

    `starts` are the three scheduled starts that had work, `runs` the runs of the campaign that began, and `morning` the
    commands of the morning.
    """

    window: Window
    time_limit: timedelta
    trials: int
    starts: Sequence[datetime]
    events: Sequence[Event]
    evaluated: Mapping[str, Evaluated]
    runs: Sequence[FlowRun]
    kill: Kill
    morning: Sequence[Typed]

    @cached_property
    def history(self) -> History:
        """Return the final history of the campaign."""
        return History.from_events(self.events)

    @cached_property
    def nights(self) -> list[Night]:
        """Return the events of each controller, in order."""
        return nights_of(self.events)

    @cached_property
    def outcomes(self) -> dict[int, TrialObserved]:
        """Return the observation of each observed trial."""
        return {event.trial: event for event in self.events if isinstance(event, TrialObserved)}

    @cached_property
    def left_open(self) -> list[AttemptStarted]:
        """Return the attempts whose end was not yet recorded when everything was killed."""
        ended = {
            (event.trial, event.attempt)
            for event in self.nights[0].events
            if isinstance(event, TrialObserved | AttemptFailed)
        }
        return [event for event in self.nights[0].started if (event.trial, event.attempt) not in ended]


def judge(evidence: Evidence) -> list[str]:
    """Return every broken promise, in words; nothing if all were kept."""
    return [
        *_scheduled(evidence),
        *_in_the_window(evidence),
        *_three_controllers(evidence),
        *_kept_through_the_kill(evidence),
        *_tried_again(evidence),
        *forgotten(evidence.events),
        *_once(evidence),
        *_whole(evidence),
    ]


def _scheduled(evidence: Evidence) -> Iterator[str]:
    begun = [run for run in evidence.runs if run.began is not None]
    if [run.due for run in begun] != list(evidence.starts) or not all(run.by_schedule for run in begun):
        yield f"expected one run by the schedule at each of {evidence.starts} and no other, found {begun}"
    for number, run in enumerate(begun):
        if (run.state == "Completed") != (number > 0):
            yield f"the run that was due {run.due} is {run.state}"


def _in_the_window(evidence: Evidence) -> Iterator[str]:
    yield from outside_of_window(evidence.events, evidence.window, evidence.time_limit)
    for one in evidence.evaluated.values():
        if not all(evidence.window.is_open(moment) for moment in one.began):
            yield f"`{one.key}` began outside of the window, {one.began}, by its own clock"


def _three_controllers(evidence: Evidence) -> Iterator[str]:
    if len(evidence.nights) != len(evidence.starts):
        yield f"expected {len(evidence.starts)} controllers, found {len(evidence.nights)}"
    for night, due in zip(evidence.nights, evidence.starts, strict=False):
        closes = evidence.window.closes(due)
        assert closes is not None
        if not due - MOMENT <= night.events[0].time < closes:
            yield f"a controller began {night.events[0].time}, expected one after {due}"
        if not (night.started and night.observed):
            yield f"after {due} {len(night.started)} attempts were started and {len(night.observed)} trials observed"
    ends = [type(night.events[-1]) for night in evidence.nights]
    if ends[0] in (CampaignDrained, CampaignFinished):
        yield f"the first controller was not killed: {evidence.nights[0].reason}"
    if ends[1:] != [CampaignDrained, CampaignFinished]:
        reasons = [night.reason for night in evidence.nights[1:]]
        yield f"expected the window to end the second controller and the budget the third, found {reasons}"


def _kept_through_the_kill(evidence: Evidence) -> Iterator[str]:
    kept = evidence.events[: len(evidence.kill.seen)]
    if list(kept) != list(evidence.kill.seen):
        yield "events that the bucket held before everything was killed are lost"
    asleep = [e for e in evidence.events if evidence.kill.at + MOMENT < e.time < evidence.kill.again]
    if asleep:
        yield f"`{asleep[0].id}` was written while nothing was alive"
    if not evidence.kill.evaluating:
        yield "nothing was being evaluated when everything was killed"
    open_then = {event.key for event in evidence.left_open}
    for key in evidence.kill.evaluating:
        trial = int(key.split("/")[1])
        if key not in open_then and trial not in {event.trial for event in evidence.nights[0].observed}:
            yield f"`{key}` was being evaluated when everything was killed, and the ledger does not know it"


def _tried_again(evidence: Evidence) -> Iterator[str]:
    failed = {(e.trial, e.attempt): e for e in evidence.events if isinstance(e, AttemptFailed)}
    for event in evidence.left_open:
        end, outcome = failed.get((event.trial, event.attempt)), evidence.outcomes.get(event.trial)
        if outcome is None:
            yield f"trial {event.trial} was cut off and then not observed"
        elif outcome.attempt != event.attempt and (end is None or not end.will_retry):
            yield f"`{event.key}` was cut off, and no failure of it is recorded that is tried again"


def _once(evidence: Evidence) -> Iterator[str]:
    counts = Counter(event.trial for event in evidence.events if isinstance(event, TrialObserved | TrialFailed))
    for trial in evidence.history.trials:
        if counts[trial] != 1:
            yield f"trial {trial} has {counts[trial]} outcomes"
    started = {event.key: event for event in evidence.events if isinstance(event, AttemptStarted)}
    for key, one in evidence.evaluated.items():
        if len(one.began) != 1:
            yield f"`{key}` was evaluated {len(one.began)} times"
        if key not in started:
            yield f"`{key}` was evaluated, and the ledger does not know it"
    # An attempt may be cut off between its record in the ledger and the start of its process.
    observed = {(event.trial, event.attempt): event for event in evidence.outcomes.values()}
    for key, event in started.items():
        outcome, one = observed.get((event.trial, event.attempt)), evidence.evaluated.get(key)
        if outcome is None:
            continue
        figures = {name: measured.mean for name, measured in outcome.metrics.items()}
        if one is None or one.found is None or dict(one.found) != figures:
            yield f"`{key}` found {None if one is None else one.found}, and the ledger has {figures}"
    if evidence.history.started != evidence.trials:
        yield f"{evidence.history.started} of {evidence.trials} trials were started"


def _whole(evidence: Evidence) -> Iterator[str]:
    for typed in evidence.morning:
        if typed.code:
            yield f"`{typed.command}` ended with {typed.code}: {typed.output}"
    replayed = [typed.output.splitlines()[-1] for typed in evidence.morning if " replay" in typed.command]
    if not (replayed and all(re.fullmatch(r"[0-9]+ same", line) for line in replayed)):
        yield f"not all proposals were replayed to the same bits: {replayed}"
