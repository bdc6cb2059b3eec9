"""The judge of two nights with a kill names every broken promise, and none that is kept."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from amplifier_campaign import read_evaluations
from flow_runs import FlowRun
from kill_judge import Evidence, Kill, judge
from terminal import Typed

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

OPENING = datetime(2026, 12, 1, 21, tzinfo=UTC)
STARTS = (OPENING, OPENING + timedelta(minutes=15), OPENING + timedelta(days=1))
WINDOW = Window.model_validate({"from": "22:00", "to": "22:18", "zone": "Europe/Berlin"})
LIMIT, TRIALS = timedelta(seconds=60), 8
KILLED, AGAIN = OPENING + timedelta(seconds=150), OPENING + timedelta(seconds=200)


def at(start: datetime, second: float) -> dict[str, object]:
    return {"time": start + timedelta(seconds=second), "actor": "controller"}


def lease(start: datetime, epoch: int) -> Event:
    return LeaseTaken.model_validate({**at(start, 1), "epoch": epoch, "host": "h", "pid": 7, "started": "s"})


def proposed(start: datetime, trial: int, events_seen: int = 0, pending: tuple[int, ...] = ()) -> Event:
    provenance = {"made_by": {"seed": 1}, "knew": {"pending": pending}, "asked": {"events_seen": events_seen}}
    made = {"generator": "model", "provenance": provenance} if events_seen else {"generator": "sobol"}
    return TrialProposed.model_validate({**at(start, 2), "trial": trial, "point": {"x": trial / 10}, **made})


def started(start: datetime, second: float, trial: int, attempt: int = 1) -> Event:
    which = {"trial": trial, "attempt": attempt, "key": f"c-1/{trial}/{attempt}"}
    return AttemptStarted.model_validate({**at(start, second), **which})


def observed(start: datetime, second: float, trial: int, attempt: int = 1) -> Event:
    found = {"metrics": {"loss": Measurement(mean=1.0)}, "seconds": 20.0}
    return TrialObserved.model_validate({**at(start, second), "trial": trial, "attempt": attempt, **found})


def cut_off(*, again: bool = True) -> Event:
    how = {"cause": "infrastructure", "message": "its process is gone", "will_retry": again}
    return AttemptFailed.model_validate({**at(STARTS[1], 3), "trial": 6, "attempt": 1, **how})


def drained(start: datetime, epoch: int) -> Event:
    return CampaignDrained.model_validate({**at(start, 170), "epoch": epoch, "reason": "the window has closed"})


def told() -> list[Event]:
    """Return the events of two nights without faults; trial 6 is cut off in the first one."""
    asked = {"name": "c", "parameters": {"x": {"kind": "float", "low": 0, "high": 1}}, "minimize": "loss"}
    campaign = Campaign.model_validate({**asked, "budget": {"trials": TRIALS}})
    events: list[Event] = [
        CampaignDefined.model_validate({**at(OPENING, 0), "uid": "1", "definition": campaign, "settings": {}}),
        lease(OPENING, 1),
    ]
    for trial in range(1, 6):
        second = 10.0 + 22 * trial
        events += [proposed(OPENING, trial), started(OPENING, second, trial), observed(OPENING, second + 20, trial)]
    events += [proposed(OPENING, 6), started(OPENING, 145, 6)]
    events += [lease(STARTS[1], 2), cut_off(), started(STARTS[1], 4, 6, 2), observed(STARTS[1], 24, 6, 2)]
    events += [proposed(STARTS[1], 7, len(events)), started(STARTS[1], 25, 7), observed(STARTS[1], 45, 7)]
    events += [drained(STARTS[1], 2), lease(STARTS[2], 3)]
    events += [proposed(STARTS[2], 8, len(events)), started(STARTS[2], 5, 8), observed(STARTS[2], 25, 8)]
    finished = {**at(STARTS[2], 26), "epoch": 3, "reason": "all 8 trials of the budget have been tried"}
    return [*events, CampaignFinished.model_validate(finished)]


def log_of(events: list[Event]) -> str:
    """Return the log of such a campaign's evaluations: their times lie 0.2 s inside those of the ledger's events."""
    lines, keys = [], {}
    for event in events:
        if isinstance(event, AttemptStarted):
            keys[event.trial] = event.key
            said = {"said": "began", "time": event.time.timestamp() + 0.2}
        elif isinstance(event, TrialObserved):
            said = {"said": "ended", "time": event.time.timestamp() - 0.2, "found": {"loss": 1.0}}
        else:
            continue
        lines.append(json.dumps({"key": keys[event.trial], **said}))
    return "\n".join(lines)


def evidence_of(events: list[Event], log: str | None = None) -> Evidence:
    return Evidence(
        window=WINDOW,
        time_limit=LIMIT,
        trials=TRIALS,
        starts=STARTS,
        events=events,
        evaluated=read_evaluations(log_of(events) if log is None else log),
        runs=[run(due, "Completed" if number else "Running") for number, due in enumerate(STARTS)],
        kill=Kill(KILLED, AGAIN, TOLD[:SEEN], ("c-1/6/1",), {"controller": 1}, Typed("overnight status", "", 0)),
        morning=[Typed("overnight verify", "whole", 0), Typed("overnight replay", "trial 1 same\n8 same", 0)],
    )


def run(due: datetime, state: str) -> FlowRun:
    ended = None if state == "Running" else due + timedelta(seconds=200)
    return FlowRun(due=due, began=due + timedelta(seconds=1), ended=ended, state=state, by_schedule=True)


def the(kind: type[Event], trial: int, attempt: int = 1) -> Event:
    return next(
        e for e in TOLD if isinstance(e, kind) and e.trial == trial and getattr(e, "attempt", attempt) == attempt
    )


def instead(old: Event, *new: Event) -> Evidence:
    place = next(number for number, event in enumerate(TOLD) if event is old)
    return evidence_of([*TOLD[:place], *new, *TOLD[place + 1 :]])


TOLD = told()
SEEN = 1 + next(number for number, event in enumerate(TOLD) if event.id == started(OPENING, 145, 6).id)
KEPT = evidence_of(TOLD)
BROKEN = {
    "a run that nobody scheduled": (
        replace(KEPT, runs=[*KEPT.runs, replace(run(STARTS[2], "Completed"), by_schedule=False)]),
        "expected one run by the schedule at each of",
    ),
    "a first run that ended well": (
        replace(KEPT, runs=[run(due, "Completed") for due in STARTS]),
        "is Completed",
    ),
    "a run that failed": (
        replace(KEPT, runs=[*KEPT.runs[:2], run(STARTS[2], "Failed")]),
        "is Failed",
    ),
    "an attempt outside of the window": (
        instead(the(AttemptStarted, 7), started(STARTS[1], 240, 7)),
        "`c-1/7/1` was started outside of the window",
    ),
    "an evaluation that began outside of the window by its own clock": (
        evidence_of(TOLD, log_of([started(OPENING, -60, 1), *TOLD[4:]])),
        "`c-1/1/1` began outside of the window",
    ),
    "a fourth controller": (evidence_of([*TOLD, lease(STARTS[2], 4)]), "expected 3 controllers, found 4"),
    "a controller that began early": (
        instead(TOLD[SEEN], lease(AGAIN, 2)),
        "expected one after",
    ),
    "a first controller that was not killed": (
        instead(TOLD[SEEN], drained(OPENING, 1), TOLD[SEEN]),
        "the first controller was not killed",
    ),
    "a second controller that never said how it ended": (
        instead(next(event for event in TOLD if isinstance(event, CampaignDrained))),
        "expected the window to end the second controller",
    ),
    "a second night without results": (
        evidence_of([event for event in TOLD if not (isinstance(event, TrialObserved) and event.trial == 8)]),
        "1 attempts were started and 0 trials observed",
    ),
    "an event that was lost": (instead(the(TrialObserved, 3)), "events that the bucket held"),
    "an event while nothing was alive": (
        instead(the(TrialObserved, 6, 2), observed(OPENING, 160, 6, 2)),
        "was written while nothing was alive",
    ),
    "a kill that hit no evaluation": (
        replace(KEPT, kill=replace(KEPT.kill, evaluating=())),
        "nothing was being evaluated",
    ),
    "an evaluation that the ledger did not know": (
        replace(KEPT, kill=replace(KEPT.kill, evaluating=("c-1/7/1",))),
        "`c-1/7/1` was being evaluated when everything was killed, and the ledger does not know it",
    ),
    "a trial that was cut off and forgotten": (
        instead(the(TrialObserved, 6, 2)),
        "trial 6 was cut off and then not observed",
    ),
    "a failure that nobody recorded": (instead(the(AttemptFailed, 6)), "no failure of it is recorded"),
    "a failure that was not to be tried again": (
        instead(the(AttemptFailed, 6), cut_off(again=False)),
        "no failure of it is recorded that is tried again",
    ),
    "a proposal that forgot what is pending": (
        instead(the(TrialProposed, 7), proposed(STARTS[1], 7, SEEN + 1)),
        "trial 7 was proposed with () pending, not {6}",
    ),
    "a trial with two outcomes": (
        instead(TOLD[-1], observed(STARTS[2], 25, 8, 2), TOLD[-1]),
        "trial 8 has 2 outcomes",
    ),
    "an attempt that ran twice": (
        evidence_of(TOLD, f"{log_of(TOLD)}\n{log_of(TOLD[:4])}"),
        "`c-1/1/1` was evaluated 2 times",
    ),
    "an evaluation that the ledger does not know": (
        replace(KEPT, events=[event for event in TOLD if event is not the(AttemptStarted, 3)]),
        "`c-1/3/1` was evaluated, and the ledger does not know it",
    ),
    "another figure in the ledger": (
        evidence_of(TOLD, log_of(TOLD).replace('"loss": 1.0', '"loss": 2.0')),
        "`c-1/1/1` found {'loss': 2.0}, and the ledger has {'loss': 1.0}",
    ),
    "a result that no evaluation found": (
        evidence_of(TOLD, log_of(TOLD[SEEN:])),
        "`c-1/1/1` found None",
    ),
    "a budget that is not spent": (replace(KEPT, trials=9), "8 of 9 trials were started"),
    "a damaged chain": (
        replace(KEPT, morning=[Typed("overnight verify", "segment 3 is damaged", 1), KEPT.morning[1]]),
        "`overnight verify` ended with 1: segment 3 is damaged",
    ),
    "a proposal that is another one": (
        replace(KEPT, morning=[Typed("overnight replay", "7 same, 1 different", 1)]),
        "not all proposals were replayed to the same bits",
    ),
}


def test_two_nights_in_which_every_promise_was_kept():
    assert judge(KEPT) == []


@pytest.mark.parametrize("broken", list(BROKEN))
def test_the_broken_promise_is_named(broken):
    evidence, named = BROKEN[broken]
    assert any(named in fault for fault in judge(evidence)), judge(evidence)
