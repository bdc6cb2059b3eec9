"""The judge of two nights names every broken promise, and none that is kept."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from flow_runs import FlowRun
from night_campaign import read_evaluations
from night_judge import Evidence, judge
from nights import OPENINGS

from overnight.campaign import Campaign
from overnight.campaign.evaluation import Measurement
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignDefined,
    CampaignDrained,
    CampaignFinished,
    Event,
    LeaseTaken,
    TrialObserved,
    TrialProposed,
)
from overnight.campaign.window import Window
from overnight.flows.replay.again import Replayed

FIRST, SECOND = OPENINGS
TRIALS = 7


def at(opens: datetime, second: float) -> dict[str, object]:
    return {"time": opens + timedelta(seconds=second), "actor": "controller"}


def defined() -> Event:
    space = {"x": {"kind": "float", "low": 0, "high": 1}}
    asked = {"name": "c", "parameters": space, "minimize": "loss", "budget": {"trials": TRIALS}}
    return CampaignDefined.model_validate(
        {**at(FIRST, 0), "uid": "1", "definition": Campaign.model_validate(asked), "settings": {}}
    )


def lease(opens: datetime, epoch: int) -> Event:
    holder = {"host": "h", "pid": 7, "started": "s"}
    return LeaseTaken.model_validate({**at(opens, 1), "epoch": epoch, **holder})


def proposed(opens: datetime, trial: int, events_seen: int | None = None, pending: tuple[int, ...] = ()) -> Event:
    provenance = {"made_by": {"seed": 1}, "knew": {"pending": pending}, "asked": {"events_seen": events_seen}}
    made = {"generator": "model", "provenance": provenance} if events_seen else {"generator": "sobol"}
    return TrialProposed.model_validate({**at(opens, 2), "trial": trial, "point": {"x": trial / 10}, **made})


def started(opens: datetime, second: float, trial: int, attempt: int = 1) -> Event:
    which = {"trial": trial, "attempt": attempt, "key": f"c-1/{trial}/{attempt}"}
    return AttemptStarted.model_validate({**at(opens, second), **which})


def observed(opens: datetime, second: float, trial: int, attempt: int = 1) -> Event:
    found = {"metrics": {"loss": Measurement(mean=1.0)}, "seconds": 20.0}
    return TrialObserved.model_validate({**at(opens, second), "trial": trial, "attempt": attempt, **found})


def stopped(trial: int, second: float = 301, *, again: bool = True) -> Event:
    how = {"cause": "cancelled", "message": "stopped by the controller", "will_retry": again}
    return AttemptFailed.model_validate({**at(FIRST, second), "trial": trial, "attempt": 1, **how})


def drained() -> Event:
    return CampaignDrained.model_validate({**at(FIRST, 316), "epoch": 1, "reason": "the window has closed"})


def finished() -> Event:
    return CampaignFinished.model_validate({**at(SECOND, 90), "epoch": 2, "reason": "all trials have been tried"})


def log_of(events: list[Event]) -> str:
    """Return the log of such a campaign's evaluations: their times lie 0.2 s inside those of the ledger's events."""
    lines, keys = [], {}
    for event in events:
        if isinstance(event, AttemptStarted):
            keys[event.trial] = event.key
        said = {AttemptStarted: "began", TrialObserved: "ended", AttemptFailed: "stopped"}.get(type(event))
        if said is not None:
            moment = event.time.timestamp() + (0.2 if said == "began" else -0.2)
            lines.append(json.dumps({"key": keys[event.trial], "said": said, "time": moment}))
    return "\n".join(lines)


def story(running: str) -> Evidence:
    """Return two nights without faults; the sixth trial is running when the first window closes."""
    events = [defined(), lease(FIRST, 1)]
    for trial in range(1, 6):
        second = 10.0 + 25 * trial
        events += [proposed(FIRST, trial), started(FIRST, second, trial), observed(FIRST, second + 20, trial)]
    events += [proposed(FIRST, 6), started(FIRST, 270, 6)]
    events += [observed(FIRST, 315, 6) if running == "finish" else stopped(6), drained(), lease(SECOND, 2)]
    pending = () if running == "finish" else (6,)
    seventh = proposed(SECOND, 7, events_seen=len(events), pending=pending)
    if running == "stop":
        events += [started(SECOND, 5, 6, 2)]
    events += [seventh, started(SECOND, 6, 7)]
    if running == "stop":
        events += [observed(SECOND, 30, 6, 2)]
    events += [observed(SECOND, 40, 7), finished()]
    return Evidence(
        name="c",
        window=Window.model_validate({"from": "22:00", "to": "22:05", "zone": "Europe/Berlin", "running": running}),
        trials=TRIALS,
        openings=OPENINGS,
        events=events,
        evaluated=read_evaluations(log_of(events)),
        runs=tuple(run(opens) for opens in OPENINGS),
        by_hand="The campaign is held by process 7 on this host",
        replayed=[Replayed(7, "same")],
    )


def run(opens: datetime) -> FlowRun:
    began, ended = opens + timedelta(seconds=1), opens + timedelta(seconds=320)
    return FlowRun(due=opens, began=began, ended=ended, state="Completed", by_schedule=True)


def without(evidence: Evidence, index: int) -> Evidence:
    events = list(evidence.events)
    del events[index]
    return replace(evidence, events=events)


def instead(evidence: Evidence, *changes: tuple[Event, Event]) -> Evidence:
    """Return the evidence with some events changed, in the evaluations' log too."""
    changed = {id(old): new for old, new in changes}
    events = [changed.get(id(event), event) for event in evidence.events]
    return replace(evidence, events=events, evaluated=read_evaluations(log_of(events)))


def before(evidence: Evidence, early: Event, late: Event) -> Evidence:
    """Return the evidence with the late event right after the early one."""
    others = [event for event in evidence.events if event is not late]
    place = others.index(early) + 1
    return replace(evidence, events=[*others[:place], late, *others[place:]])


def the(evidence: Evidence, kind: type[Event], trial: int, attempt: int = 1) -> Event:
    return next(
        e for e in evidence.events if isinstance(e, kind) and e.trial == trial and getattr(e, "attempt", 1) == attempt
    )


FINISH, STOP = story("finish"), story("stop")
BROKEN = {
    "a run that nobody scheduled": (
        replace(FINISH, runs=(*FINISH.runs, replace(run(FIRST), by_schedule=False))),
        "expected one run by the schedule at each opening and no other",
    ),
    "a night without a run": (replace(FINISH, runs=FINISH.runs[:1]), "expected one run by the schedule"),
    "a run that failed": (replace(FINISH, runs=(run(FIRST), replace(run(SECOND), state="Failed"))), "is Failed"),
    "a run that began too early": (
        replace(FINISH, runs=(run(FIRST), replace(run(SECOND), began=FIRST))),
        "began before",
    ),
    "a second start that was let in": (replace(FINISH, by_hand=""), "a second start was not refused"),
    "an attempt before the window": (
        instead(FINISH, (the(FINISH, AttemptStarted, 1), started(FIRST, -10, 1))),
        "`c-1/1/1` was started outside of the window",
    ),
    "an attempt that does not fit by its time limit": (
        instead(FINISH, (the(FINISH, AttemptStarted, 5), started(FIRST, 203, 5))),
        "`c-1/5/1` was started 2026-03-28 21:03:23+00:00, was expected to take 0:01:40",
    ),
    "an attempt that does not fit by what is known": (
        instead(FINISH, (the(FINISH, AttemptStarted, 6), started(FIRST, 285, 6))),
        "was expected to take 0:00:20",
    ),
    "a night without results": (
        replace(FINISH, events=[e for e in FINISH.events if not (isinstance(e, TrialObserved) and e.time > SECOND)]),
        "1 were started and 0 observed",
    ),
    "a third controller": (replace(FINISH, events=[*FINISH.events, lease(SECOND, 3)]), "expected 2 controllers"),
    "a proposal that knew too little": (
        instead(STOP, (the(STOP, TrialProposed, 7), proposed(SECOND, 7, events_seen=10, pending=()))),
        "trial 7 was proposed without all trials of the night before",
    ),
    "a proposal that forgot what is pending": (
        instead(STOP, (the(STOP, TrialProposed, 7), proposed(SECOND, 7, events_seen=23, pending=()))),
        "trial 7 was proposed with () pending, not {6}",
    ),
    "a new trial before what was stopped": (
        before(STOP, the(STOP, AttemptStarted, 7), the(STOP, AttemptStarted, 6, 2)),
        "[6] were left to be tried again, and [7] were started first",
    ),
    "an evaluation that tells of another time": (
        replace(FINISH, evaluated=read_evaluations(log_of([started(FIRST, 301, 1), *FINISH.events]))),
        "`c-1/1/1` began outside of the window",
    ),
    "a first night that never said how it ended": (
        without(FINISH, FINISH.events.index(drained())),
        "the first night did not end by being drained",
    ),
    "a controller that came by day": (
        instead(FINISH, (FINISH.events[1], lease(FIRST - timedelta(hours=6), 1))),
        "not in the night of",
    ),
    "something that took too long to stop": (
        instead(STOP, (the(STOP, AttemptFailed, 6), stopped(6, 315))),
        "`c-1/6/1` was at work until 2026-03-28 21:05:14",
    ),
    "something that was stopped and came to nothing": (
        without(STOP, STOP.events.index(the(STOP, TrialObserved, 6, 2))),
        "trial 6 was stopped and then not observed",
    ),
    "an end at which nothing was at work": (
        instead(FINISH, (the(FINISH, TrialObserved, 6), observed(FIRST, 290, 6))),
        "no evaluation was at work when the window of the first night closed",
    ),
    "something stopped that was to finish": (
        replace(STOP, window=FINISH.window),
        "`c-1/6/1` was stopped, and was to finish",
    ),
    "something that finished and was to be stopped": (
        replace(FINISH, window=STOP.window),
        "`c-1/6/1` was at work when the window closed, and was not stopped",
    ),
    "something that was not to be tried again": (
        instead(STOP, (the(STOP, AttemptFailed, 6), stopped(6, again=False))),
        "was not stopped to be tried again",
    ),
    "a trial with two outcomes": (
        replace(FINISH, events=[*FINISH.events[:-1], observed(SECOND, 50, 7, 2), FINISH.events[-1]]),
        "trial 7 has 2 outcomes",
    ),
    "an attempt that ran twice": (
        replace(FINISH, evaluated=read_evaluations(f"{log_of(FINISH.events)}\n{log_of(FINISH.events[:4])}")),
        "`c-1/1/1` was evaluated 2 times",
    ),
    "an attempt that the ledger does not know": (
        without(FINISH, FINISH.events.index(the(FINISH, AttemptStarted, 3))),
        "the ledger and the evaluations differ in what ran: ['c-1/3/1']",
    ),
    "a budget that is not spent": (replace(FINISH, trials=8), "7 of 8 trials were started"),
    "a damaged chain": (replace(FINISH, damage="segment 3 is damaged"), "segment 3 is damaged"),
    "a proposal that is another one": (
        replace(FINISH, replayed=[Replayed(7, "different", "its point")]),
        "trial 7 is different: its point",
    ),
}  # fmt: skip


@pytest.mark.parametrize("evidence", [FINISH, STOP], ids=["finish", "stop"])
def test_two_nights_in_which_every_promise_was_kept(evidence):
    assert judge(evidence) == []


@pytest.mark.parametrize("broken", list(BROKEN))
def test_what_is_broken_is_named(broken):
    evidence, named = BROKEN[broken]
    assert any(named in fault for fault in judge(evidence)), judge(evidence)
