"""Controllers that are killed while a server evaluates ask it for one evaluation, and write its token nowhere."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

from attempts import until
from polling_controller import CAMPAIGN
from read_ledgers import events_of
from scripted_server import Says, ScriptedServer

from overnight.campaign import History
from overnight.campaign.history.events import AttemptPlaced, AttemptStarted
from overnight.evaluators import HttpEvaluator
from overnight.storage import open_ledger

CONTROLLER = Path(__file__).parents[2] / "support" / "polling_controller.py"
SECRET = "hunter2-correct-horse"


def controller(evaluator: HttpEvaluator, folder: Path, work: str, answers: int) -> "subprocess.Popen[bytes]":
    arguments = [evaluator.model_dump_json(), str(folder), str(folder / work), str(answers)]
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, str(CONTROLLER), *arguments],
            env={**os.environ, "LAB_TOKEN": SECRET},
            stdout=output,
            stderr=output,
        )


def never(handler) -> None:
    """Answer nothing until the controller is dead."""
    handler.connection.recv(1)


def test_controllers_killed_at_each_stage_ask_for_one_evaluation(tmp_path):
    echo = {"loss": 0.5, "metadata": {"authorization": f"Bearer {SECRET}"}}
    running = Says(202, {"poll": "/evaluations/1", "step": 1, "loss": 2.0, "message": SECRET})
    # The starts of two controllers, two looks, and the look that finds the result.
    with ScriptedServer(never, running, running, Says(503, SECRET), Says(200, echo)) as server:
        evaluator = HttpEvaluator(url=f"{server.url}/evaluations", token="LAB_TOKEN", poll=0.01)
        first = controller(evaluator, tmp_path, "work", 0)
        asyncio.run(until(lambda: bool(server.asked)))
        first.kill()
        first.wait()
        # The second one is killed by itself before it has recorded what the first look found.
        assert controller(evaluator, tmp_path, "work", 2).wait(60) == -signal.SIGKILL
        assert controller(evaluator, tmp_path, "elsewhere", 0).wait(60) == 0, (tmp_path / "output.log").read_text()
        asked = server.asked
    assert [request.method for request in asked] == ["POST", "POST", "GET", "GET", "GET"]
    assert asked[0].body == asked[1].body
    [key] = {request.headers["idempotency-key"] for request in asked}
    assert {request.path for request in asked[2:]} == {"/evaluations/1"}
    events = asyncio.run(events_of(open_ledger(str(tmp_path / "ledger"), CAMPAIGN.name, tmp_path)))
    [started] = [event for event in events if isinstance(event, AttemptStarted)]
    assert started.key == key
    assert [event.handle for event in events if isinstance(event, AttemptPlaced)] == [f"{server.url}/evaluations/1"]
    trial = History.from_events(events).trials[1]
    assert trial.status == "observed"
    assert "[LAB_TOKEN]" in "".join(event.model_dump_json() for event in events)
    assert_nowhere(SECRET, tmp_path, events)


def assert_nowhere(secret: str, folder: Path, events) -> None:
    # Files of the ledger are compressed, so its events are searched as well.
    found = [path for path in folder.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert found == []
    assert [event for event in events if secret in event.model_dump_json()] == []
