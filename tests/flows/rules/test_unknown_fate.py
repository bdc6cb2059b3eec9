"""Attempts that began on a machine that cannot be seen: considered dead, or left to a person."""

import json
from pathlib import Path

import pytest
from scripted_campaign import ScriptedEvaluator, a_campaign
from standing import status_lines

from overnight.bo_core import SobolProposer
from overnight.campaign import Campaign, EvaluationFailed, EvaluationSucceeded, History, Measurement
from overnight.campaign.history.events import (
    AttemptStarted,
    AttemptUnknown,
    CampaignDefined,
    LeaseTaken,
    TrialProposed,
)
from overnight.evaluators import CommandEvaluator
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.session.lease import Rhythm
from overnight.storage import open_ledger

KEY = "test-uid/1/1"


def definition(**failures: object) -> dict[str, object]:
    return {"failures": {"back_off": 0, **failures}, "budget": {"trials": 3}, "workers": 1}


async def left_elsewhere(campaign: Campaign, folder: Path) -> None:
    """Write the ledger of a controller on another machine that died during its first trial."""
    about = {"time": SystemClock().now(), "actor": "controller"}
    events = [
        CampaignDefined(time=about["time"], actor="user", uid="uid", definition=campaign),
        LeaseTaken(**about, epoch=1, host="far-away", pid=7, started="another boot:pid:[1]:5"),
        TrialProposed(**about, trial=1, point={"x": 0.5, "n": 7}, generator="sobol"),
        AttemptStarted(**about, trial=1, attempt=1, key=KEY),
    ]
    await open_ledger(str(folder / "ledger"), campaign.name, Path()).append(events, after=0)


async def run(campaign: Campaign, evaluator: ScriptedEvaluator | CommandEvaluator, folder: Path) -> History:
    ledger = open_ledger(str(folder / "ledger"), campaign.name, Path())
    rhythm = Rhythm(beat=0.05, silence=0.1)
    job = Job(campaign, evaluator, SobolProposer(), ledger, folder / "work", rhythm=rhythm)
    return await run_loop(job, PlainSteps(), SystemClock(), StopRequest())


class Recovering(ScriptedEvaluator):
    """Recovers each attempt with the given outcome."""

    def __init__(self, found: object) -> None:
        super().__init__()
        self.found = found

    async def recover(self, request, folder, report):
        return self.found


LOST = EvaluationFailed(cause="infrastructure", message="nothing is left", lost=True)


@pytest.mark.parametrize("found", [None, LOST], ids=["nothing", "lost"])
async def test_by_default_it_is_taken_for_dead_and_its_end_says_so(tmp_path: Path, found: object):
    campaign = a_campaign(**definition())
    await left_elsewhere(campaign, tmp_path)
    history = await run(campaign, Recovering(found), tmp_path)
    first = history.trials[1].attempts[0]
    assert "host far-away, which cannot be seen from here and is considered dead" in first.failed.message
    assert [len(t.attempts) for t in history.trials.values()] == [2, 1, 1]
    assert history.closed_by.kind == "campaign_finished"


@pytest.mark.parametrize("found", [None, LOST], ids=["nothing", "lost"])
async def test_where_the_policy_is_to_ask_it_stays_open_and_others_go_on(tmp_path: Path, found: object):
    campaign = a_campaign(**definition(when_unknown="ask"))
    await left_elsewhere(campaign, tmp_path)
    evaluator = Recovering(found)
    history = await run(campaign, evaluator, tmp_path)
    assert evaluator.evaluated == [(2, 1), (3, 1)]
    assert history.trials[1].status == "running"
    assert [t.id for t in history.model_view().pending] == [1]
    assert history.closed_by.kind == "campaign_drained"
    assert "is unknown and has to be reported (`failures.when_unknown: ask`): 1" in history.closed_by.reason
    assert history.closed_by.because == "undecided"
    [line] = [line for line in status_lines(history) if line.startswith("trial 1 waits for a person: ")]
    assert "AskTell(FILE).tell(1, RESULT)" in line


async def test_it_is_asked_once_however_often_the_campaign_is_resumed(tmp_path: Path):
    campaign = a_campaign(**definition(when_unknown="ask"))
    await left_elsewhere(campaign, tmp_path)
    for _ in range(3):
        await run(campaign, Recovering(None), tmp_path)
    segments = await open_ledger(str(tmp_path / "ledger"), campaign.name, Path()).read()
    assert sum(isinstance(event, AttemptUnknown) for segment in segments for event in segment.events) == 1


async def test_whoever_changes_the_policy_has_it_tried_again(tmp_path: Path):
    asking, retrying = a_campaign(**definition(when_unknown="ask")), a_campaign(**definition())
    await left_elsewhere(asking, tmp_path)
    await run(asking, Recovering(None), tmp_path)
    again = Recovering(None)
    history = await run(retrying, again, tmp_path)
    assert again.evaluated == [(1, 2)]
    assert history.closed_by.kind == "campaign_finished"


async def test_a_person_can_tell_how_it_ended(tmp_path: Path):
    campaign = a_campaign(**definition(when_unknown="ask"))
    await left_elsewhere(campaign, tmp_path)
    await run(campaign, Recovering(None), tmp_path)
    source = campaign.model_dump(mode="json", exclude_none=True) | {
        "evaluator": {"kind": "command", "command": ["true"]},
        "ledger": str(tmp_path / "ledger"),
    }
    AskTell(source).tell(1, 0.25)
    history = await run(campaign, Recovering(None), tmp_path)
    assert history.trials[1].outcome.metrics["loss"].mean == 0.25
    assert history.closed_by.kind == "campaign_finished"


async def test_a_result_that_it_left_in_a_shared_folder_counts(tmp_path: Path):
    campaign = a_campaign(**definition(when_unknown="ask"))
    await left_elsewhere(campaign, tmp_path)
    found = EvaluationSucceeded(metrics={"loss": Measurement(mean=0.5)})
    history = await run(campaign, Recovering(found), tmp_path)
    assert history.trials[1].outcome.metrics["loss"].mean == 0.5
    assert history.closed_by.kind == "campaign_finished"


@pytest.mark.parametrize("shared", [True, False])
async def test_a_command_that_another_machine_started_may_still_run_whether_its_folder_is_shared_or_not(
    tmp_path: Path, shared: bool
):
    campaign = a_campaign(**definition(when_unknown="ask"))
    await left_elsewhere(campaign, tmp_path)
    if shared:
        (tmp_path / "work" / KEY).mkdir(parents=True)
        claim = {"pid": 7, "ticks": 5, "boot": "another boot"}
        (tmp_path / "work" / KEY / "claim.json").write_text(json.dumps(claim))
    measure = CommandEvaluator(command=("echo", '{"metrics": {"loss": 1}}'), folder=tmp_path)
    history = await run(campaign, measure, tmp_path)
    assert history.trials[1].open_attempt.unknown is not None
    assert [t.id for t in history.model_view().observed] == [2, 3]
