"""The judge of disturbed campaigns names every broken promise, and none that is kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from evaluation_log import Evaluated, read_evaluations
from judge import Evidence, judge

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
    TrialFailed,
    TrialObserved,
    TrialProposed,
)
from overnight.flows.replay.again import Replayed

BEGAN = datetime(2026, 3, 1, 22, tzinfo=UTC)
CAMPAIGN = Campaign.model_validate(
    {
        "name": "c",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "budget": {"trials": 2},
    }
)


def at(second: int) -> dict[str, object]:
    return {"time": BEGAN + timedelta(seconds=second), "actor": "controller"}


def proposed(trial: int) -> Event:
    return TrialProposed.model_validate({**at(1), "trial": trial, "point": {"x": 0.5}, "generator": "sobol"})


def started(trial: int, attempt: int, second: int = 2) -> Event:
    key = f"c-1/{trial}/{attempt}"
    return AttemptStarted.model_validate({**at(second), "trial": trial, "attempt": attempt, "key": key})


def observed(trial: int, attempt: int, value: float, second: int = 9) -> Event:
    found = {"loss": Measurement(mean=value)}
    return TrialObserved.model_validate({**at(second), "trial": trial, "attempt": attempt, "metrics": found})


def failed(trial: int, attempt: int, cause: str = "infrastructure", *, again: bool = True) -> Event:
    fields = {"trial": trial, "attempt": attempt, "cause": cause, "message": "killed", "will_retry": again}
    return AttemptFailed.model_validate({**at(4), **fields})


def given_up(trial: int, attempt: int) -> Event:
    fields = {"trial": trial, "attempt": attempt, "cause": "infrastructure", "message": "killed"}
    return TrialFailed.model_validate({**at(5), **fields})


def evaluated(trial: int, attempt: int, found: float | None, second: int = 3) -> Evaluated:
    began = [(BEGAN + timedelta(seconds=second)).timestamp()]
    return Evaluated(f"c-1/{trial}/{attempt}", trial, attempt, {"x": 0.5}, began, found, stored=found is not None)


OPENED = [
    CampaignDefined.model_validate({**at(0), "uid": "1", "definition": CAMPAIGN}),
    LeaseTaken.model_validate({**at(0), "epoch": 1, "host": "h", "pid": 1, "started": "s"}),
]
FINISHED = CampaignFinished.model_validate({**at(10), "epoch": 1, "reason": "all 2 trials"})
EVENTS = [
    *OPENED,
    proposed(1),
    proposed(2),
    started(1, 1),
    started(2, 1),
    failed(2, 1),
    started(2, 2, 5),
    observed(1, 1, 0.25),
    observed(2, 2, 0.5),
    FINISHED,
]
EVALUATED = {one.key: one for one in (evaluated(1, 1, 0.25), evaluated(2, 1, None), evaluated(2, 2, 0.5, 6))}
KEPT = Evidence(
    trials=2,
    events=EVENTS,
    evaluated=EVALUATED,
    seen=EVENTS[:8],
    struck=["c-1/2/1"],
    replayed=[Replayed(1, "same"), Replayed(2, "same")],
)


def without(*events: Event) -> list[Event]:
    return [event for event in EVENTS if event not in events]


def inserted(event: Event) -> list[Event]:
    return [*EVENTS[:-1], event, FINISHED]


def but(key: str, **changes: object) -> dict[str, Evaluated]:
    return {**EVALUATED, key: replace(EVALUATED[key], **changes)}


def test_a_campaign_whose_promises_were_kept_has_no_faults():
    assert judge(KEPT) == []


LATE = (BEGAN + timedelta(seconds=11)).timestamp()


@pytest.mark.parametrize(
    ("changes", "broken", "words"),
    [
        ({"events": without(observed(2, 2, 0.5))}, "lost", "trial 2 has no outcome"),
        ({"events": without(EVENTS[7])}, "lost", "is no more"),
        ({"events": [*EVENTS[:-2], given_up(2, 2), FINISHED]}, "lost", "trial 2 was given up"),
        ({"evaluated": but("c-1/2/1", stored=True, found=0.7)}, "lost", "`c-1/2/1` stored 0.7"),
        ({"evaluated": but("c-1/1/1", found=0.26)}, "lost", "found 0.26, and the ledger says 0.25"),
        ({"evaluated": {**EVALUATED, "c-1/2/3": evaluated(2, 3, None)}}, "lost", "knows nothing of it"),
        ({"events": without(failed(2, 1)), "seen": []}, "lost", "`c-1/2/1` was struck"),
        ({"evaluated": but("c-1/1/1", point={"x": 0.4})}, "foreign", "evaluated {'x': 0.4}, and its trial's point is"),
        ({"evaluated": {k: e for k, e in EVALUATED.items() if k != "c-1/1/1"}}, "foreign", "no evaluation of its att"),
        (
            {"events": [failed(2, 1, "configuration") if e == failed(2, 1) else e for e in EVENTS], "seen": []},
            "lost",
            "`c-1/2/1` was struck",
        ),
        ({"events": inserted(observed(1, 1, 0.25))}, "duplicated", "trial 1 has two outcomes"),
        ({"events": inserted(started(1, 2))}, "duplicated", "started after its trial had ended"),
        ({"evaluated": but("c-1/1/1", began=[1.0, 2.0])}, "duplicated", "`c-1/1/1` was evaluated 2 times"),
        ({"evaluated": but("c-1/2/2", alone=False)}, "duplicated", "while another attempt of its trial lived"),
        ({"evaluated": but("c-1/2/2", room=False)}, "crowded", "as many evaluations lived as the campaign has workers"),
        ({"evaluated": but("c-1/1/1", began=[LATE])}, "duplicated", "evaluated after its trial had ended"),
        ({"events": without(FINISHED)}, "stuck", "was not finished in time"),
        (
            {"events": [*EVENTS[:-1], CampaignDrained.model_validate({**at(10), "epoch": 1, "reason": "asked"})]},
            "stuck",
            "was not finished in time",
        ),
        ({"events": without(observed(2, 2, 0.5))}, "stuck", "`c-1/2/2` is still open"),
        ({"left": ["python objective.py"]}, "stuck", "left over: python objective.py"),
        ({"events": [*EVENTS[:-1], proposed(3), started(3, 1), FINISHED]}, "budget", "3 trials were started, 2 were"),
        ({"damage": "segment 3 is missing"}, "chain", "segment 3 is missing"),
        ({"replayed": [Replayed(2, "different", "the point")]}, "replay", "trial 2 is different: the point"),
        ({"replayed": [Replayed(2, "other stack")]}, "replay", "trial 2 is other stack"),
    ],
)  # fmt: skip
def test_each_broken_promise_is_named(changes: dict[str, object], broken: str, words: str):
    found = judge(replace(KEPT, **changes))
    assert any(fault.broken == broken and words in fault.what for fault in found), found


def test_a_killed_evaluation_that_had_stored_its_result_is_not_asked_to_have_failed():
    assert judge(replace(KEPT, struck=["c-1/2/1", "c-1/1/1"])) == []


def test_a_ledger_that_was_rolled_back_may_know_nothing_of_an_attempt_that_ran():
    lost_timeline = {**EVALUATED, "c-1/2/3": evaluated(2, 3, 0.7)}
    assert judge(replace(KEPT, evaluated=lost_timeline, rolled_back=True)) == []


def test_the_log_of_evaluations_tells_what_each_attempt_did(tmp_path):
    lines = [
        '{"key": "c-1/2/1", "said": "began", "time": 1.0, "trial": 2, "attempt": 1, "point": {"x": 0.5}}',
        '{"key": "c-1/2/2", "said": "began", "time": 2.0, "trial": 2, "attempt": 2, "point": {"x": 0.5}}',
        '{"key": "c-1/2/2", "said": "no worker is free", "time": 2.1}',
        '{"key": "c-1/2/2", "said": "another one lives", "time": 2.1}',
        '{"key": "c-1/2/2", "said": "found", "time": 3.0, "value": 0.5}',
        '{"key": "c-1/2/2", "said": "stored", "time": 3.1}',
        '{"key": "c-1/2/2", "said": "ended", "time": 3.2}',
    ]
    (tmp_path / "log").write_text("\n".join(lines) + "\n")
    first, second = read_evaluations(tmp_path / "log").values()
    assert (first.trial, first.attempt, first.began, first.found, first.stored, first.alone) == (
        2, 1, [1.0], None, False, True,
    )  # fmt: skip
    assert (first.point, first.room) == ({"x": 0.5}, True)
    assert (second.began, second.found, second.stored) == ([2.0], 0.5, True)
    assert (second.alone, second.room) == (False, False)
