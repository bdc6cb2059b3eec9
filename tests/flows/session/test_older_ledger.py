"""A ledger that was taken back to an earlier state, with a work folder of a later state."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign
from until import until

from overnight.bo_core import SobolProposer
from overnight.campaign import EvaluationRequest, History, Proposal
from overnight.campaign.history.events import AttemptFailed, AttemptStarted, TrialObserved, TrialProposed
from overnight.evaluators import CommandEvaluator
from overnight.evaluators.processes.orphans import end_orphans
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.host.attempt_key import attempt_number, is_unique, new_attempt_key, trial_part
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.proposing.request import ProposalRequest
from overnight.storage import MemoryLedger

SQUARE = """
import json, os
request = json.load(open(os.environ["EVAL_REQUEST"]))
with open(os.path.join(os.path.dirname(__file__), "evaluated"), "a") as log:
    log.write(json.dumps(request["parameters"]["x"]) + "\\n")
print(json.dumps({"metrics": {"loss": request["parameters"]["x"] ** 2}}))
"""
CAMPAIGN = a_campaign(workers=1, budget={"trials": 3}, parameters={"x": {"kind": "float", "low": 0, "high": 1}})


class Chosen:
    """Steps that propose these values of x in order."""

    def __init__(self, values: Sequence[float]) -> None:
        self.values = list(values)

    async def evaluate(self, execution: Execution) -> Any:
        return await execution.run()

    async def propose(self, request: ProposalRequest) -> list[Proposal]:
        return [Proposal(point={"x": self.values.pop(0)}, generator="sobol") for _ in range(request.q)]


async def taken_back(ledger: MemoryLedger, until: type) -> MemoryLedger:
    """Return the ledger as it was before the first event of this kind."""
    older, head = MemoryLedger(), 0
    for segment in await ledger.read():
        if any(isinstance(event, until) for event in segment.events):
            break
        head = await older.append(segment.events, after=head)
    return older


def evaluator_of(folder: Path, code: str) -> CommandEvaluator:
    script = folder / "square.py"
    script.write_text(code)
    return CommandEvaluator(command=(sys.executable, "-S", str(script)), folder=folder)


async def run(
    folder: Path,
    ledger: MemoryLedger,
    values: Sequence[float],
    code: str = SQUARE,
    notify: Callable[[str], None] = lambda text: None,
) -> History:
    job = Job(CAMPAIGN, evaluator_of(folder, code), SobolProposer(), ledger, folder / "work")
    return await run_loop(job, Chosen(values), SystemClock(), StopRequest(), notify=notify)


def values(history: History) -> dict[float, float]:
    return {trial.point["x"]: trial.outcome.metrics["loss"].mean for trial in history.trials.values()}


async def test_a_ledger_from_before_its_trials_gets_the_results_of_its_own_points(tmp_path: Path):
    ledger = MemoryLedger()
    assert values(await run(tmp_path, ledger, [0.1, 0.2, 0.3])) == {x: x**2 for x in (0.1, 0.2, 0.3)}
    older = await taken_back(ledger, TrialProposed)
    assert values(await run(tmp_path, older, [0.7, 0.8, 0.9])) == {x: x**2 for x in (0.7, 0.8, 0.9)}
    assert not [event for event in await events_of(older) if isinstance(event, AttemptFailed)]
    # The files of the lost trials are still there.
    assert len(list((tmp_path / "work").rglob("result.json"))) + len(list((tmp_path / "work").rglob("stdout"))) == 6


async def test_an_attempt_that_both_states_of_the_ledger_know_is_adopted_and_not_repeated(tmp_path: Path):
    ledger = MemoryLedger()
    await run(tmp_path, ledger, [0.1, 0.2, 0.3])
    older = await taken_back(ledger, TrialObserved)
    assert values(await run(tmp_path, older, [0.8, 0.9])) == {x: x**2 for x in (0.1, 0.8, 0.9)}
    evaluated = (tmp_path / "evaluated").read_text().split()
    assert sorted(evaluated) == ["0.1", "0.2", "0.3", "0.8", "0.9"]


async def test_an_open_attempt_with_a_key_from_before_is_recovered_under_that_key(tmp_path: Path):
    ledger = MemoryLedger()
    await run(tmp_path, ledger, [0.1, 0.2, 0.3])
    older = await taken_back(ledger, AttemptStarted)
    started = AttemptStarted(time=datetime.now(UTC), actor="controller", trial=1, attempt=1, key="test-0a1b2c3d/1/1")
    await older.append([started], after=len(await older.read()))
    evaluator = ScriptedEvaluator()
    job = Job(CAMPAIGN, evaluator, SobolProposer(), older, tmp_path / "work")
    history = await run_loop(job, Chosen([0.8, 0.9]), SystemClock(), StopRequest())
    assert evaluator.recovered == [(1, 1)]
    keys = [attempt.key for attempt in history.trials[1].attempts]
    assert keys[0] == "test-0a1b2c3d/1/1"
    assert [is_unique(key) for key in keys] == [False, True]


ALONE = """
import fcntl, json, os, time
here = os.path.dirname(__file__)
held = open(os.path.join(here, "lock"), "w")
try:
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    open(os.path.join(here, "another one lives"), "w").close()
request = json.load(open(os.environ["EVAL_REQUEST"]))
if request["parameters"]["x"] == 0.5:
    print("began", file=open(os.path.join(here, "began"), "a"))
    time.sleep(600)
print(json.dumps({"metrics": {"loss": request["parameters"]["x"] ** 2}}))
"""
FIRST_CONTROLLER = """
import asyncio, sys
from pathlib import Path
from overnight.campaign import EvaluationRequest
from overnight.evaluators import CommandEvaluator
evaluator = CommandEvaluator.model_validate_json(sys.argv[1])
request = EvaluationRequest.model_validate_json(sys.argv[2])
asyncio.run(evaluator.evaluate(request, Path(sys.argv[3]), lambda report: None))
"""


def begun_elsewhere(folder: Path, history: History) -> "subprocess.Popen[bytes]":
    """Return the controller of another state of the campaign's ledger, once one of its evaluations runs."""
    defined = history.defined
    assert defined is not None
    request = EvaluationRequest(
        campaign=CAMPAIGN.name,
        trial=1,
        attempt=1,
        key=new_attempt_key(CAMPAIGN.name, defined.uid, 1, 1),
        parameters={"x": 0.5},
        seed=1,
        expected_metrics=("loss",),
        objective="loss",
    )
    texts = [model.model_dump_json() for model in (evaluator_of(folder, ALONE), request)]
    place = str(folder / "work" / request.key)
    controller = subprocess.Popen([sys.executable, "-c", FIRST_CONTROLLER, *texts, place], start_new_session=True)
    until((folder / "began").exists, "the evaluation has begun", 60)
    return controller


@pytest.mark.slow
async def test_an_evaluation_of_a_lost_state_of_the_ledger_is_ended_before_its_place_is_taken(tmp_path: Path):
    told: list[str] = []
    ledger = MemoryLedger()
    await run(tmp_path, ledger, [0.1, 0.2, 0.3])
    older = await taken_back(ledger, TrialProposed)
    controller = begun_elsewhere(tmp_path, History.from_events(await events_of(older)))
    controller.kill()
    controller.wait()
    assert values(await run(tmp_path, older, [0.7, 0.8, 0.9], ALONE, told.append)).keys() == {0.7, 0.8, 0.9}
    assert not (tmp_path / "another one lives").exists()
    assert any("Ended 1 evaluation of this campaign" in text for text in told)


@pytest.mark.slow
async def test_what_a_living_controller_of_another_copy_of_the_ledger_evaluates_is_left_alone(tmp_path: Path):
    ledger = MemoryLedger()
    await run(tmp_path, ledger, [0.1, 0.2, 0.3])
    older = await taken_back(ledger, TrialProposed)
    controller = begun_elsewhere(tmp_path, History.from_events(await events_of(older)))
    try:
        await run(tmp_path, older, [0.7, 0.8, 0.9], ALONE)
        assert (tmp_path / "another one lives").exists()
        assert controller.poll() is None
    finally:
        controller.kill()
        controller.wait()
        await end_orphans(tmp_path, [])


def test_no_key_is_made_twice_and_old_and_new_ones_are_read_alike():
    keys = {new_attempt_key("night-1", "0a1b2c3d", 3, 2) for _ in range(100)}
    assert len(keys) == 100
    for key in (*keys, "night-1-0a1b2c3d/3/2"):
        assert trial_part(key) == "night-1-0a1b2c3d/3"
        assert attempt_number(key.rpartition("/")[2]) == 2
    assert attempt_number("sent") is None


def test_who_asks_by_hand_again_for_a_trial_that_was_lost_gets_another_key(tmp_path: Path):
    source = {
        "name": "own-loop",
        "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "loss",
        "evaluator": {"kind": "command", "command": ["true"]},
        "budget": {"trials": 3},
        "ledger": str(tmp_path / "ledger"),
        "work": str(tmp_path / "work"),
    }
    asked = AskTell(source)
    asked.ask()
    backup = shutil.copytree(tmp_path / "ledger", tmp_path / "backup")
    trial = asked.ask()
    again = AskTell(source | {"ledger": str(backup)})
    assert again.ask().id == trial.id
    keys = [one.history.trials[trial.id].attempts[0].key for one in (asked, again)]
    assert len(set(keys)) == 2
    assert len({trial_part(key) for key in keys}) == 1
