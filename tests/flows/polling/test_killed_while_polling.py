"""Controllers that are killed while an experiment goes on start it exactly once, on whichever host they continue."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

from attempts import PREAMBLE, until
from polling_controller import CAMPAIGN
from read_ledgers import events_of

from overnight.campaign import History
from overnight.campaign.history.events import AttemptPlaced, AttemptStarted
from overnight.evaluators import CommandEvaluator, PythonEvaluator
from overnight.evaluators.process_evaluator import ProcessEvaluator
from overnight.storage import open_ledger

SUPPORT = Path(__file__).parents[2] / "support"
# The experiment is a file; each call adds a line to it.
EXPERIMENT = """
from pathlib import Path
import time

def note(what):
    with open("experiment", "a") as file:
        file.write(what + "\\n")

def called(parameters, handle, look, running):
    note("started" if handle is None else f"look {look} at {handle}")
    while handle is None and not Path("go").exists():
        time.sleep(0.01)
    return {"loss": parameters["x"]} if look == 3 else running(handle or "exp-17")
"""
FUNCTION = (
    EXPERIMENT
    + """
from overnight import Running

def evaluate(parameters, handle, look, cancel):
    return called(parameters, handle, look, lambda handle: Running(handle, again_in=0.01, metrics={"loss": 7}))
"""
)
SCRIPT = (
    PREAMBLE
    + EXPERIMENT
    + """
def running(handle):
    return {"status": "running", "handle": handle, "again_in": 0.01, "metrics": {"loss": 7}}
done(**called(request["parameters"], request["handle"], request["look"], running))
"""
)


def python(folder: Path) -> ProcessEvaluator:
    (folder / "objective.py").write_text(FUNCTION)
    return PythonEvaluator(function="objective:evaluate", folder=folder)


def command(folder: Path) -> ProcessEvaluator:
    (folder / "measure.py").write_text(SCRIPT)
    return CommandEvaluator(command=(sys.executable, "measure.py"), folder=folder)


def controller(evaluator: ProcessEvaluator, folder: Path, work: str, answers: int) -> "subprocess.Popen[bytes]":
    arguments = [evaluator.model_dump_json(), str(folder), work, str(answers)]
    with (folder / "output.log").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, str(SUPPORT / "polling_controller.py"), *arguments],
            stdout=output,
            stderr=output,
        )


def ended(evaluator: ProcessEvaluator, folder: Path, work: str, answers: int = 0) -> int:
    return controller(evaluator, folder, work, answers).wait(60)


def kill_during_the_start(evaluator: ProcessEvaluator, folder: Path) -> None:
    first = controller(evaluator, folder, "work", 0)
    asyncio.run(until((folder / "experiment").exists))
    first.kill()
    first.wait()


def check_one_experiment(folder: Path) -> None:
    noted = (folder / "experiment").read_text().splitlines()
    assert noted[0] == "started"
    assert noted[1:] == sorted(noted[1:], key=lambda line: int(line.split()[1]))
    assert {line.partition(" at ")[2] for line in noted[1:]} == {"exp-17"}
    events = asyncio.run(events_of(open_ledger(str(folder / "ledger"), CAMPAIGN.name, folder)))
    assert sum(isinstance(event, AttemptStarted) for event in events) == 1
    assert [event.handle for event in events if isinstance(event, AttemptPlaced)] == ["exp-17"]
    assert History.from_events(events).trials[1].status == "observed"


def test_controllers_killed_at_each_stage_start_an_experiment_of_a_function_once(tmp_path):
    evaluator = python(tmp_path)
    kill_during_the_start(evaluator, tmp_path)
    (tmp_path / "go").touch()
    # The second one waits for the start and is killed after a look; the last one has another work folder.
    assert ended(evaluator, tmp_path, "work", answers=2) == -signal.SIGKILL
    assert ended(evaluator, tmp_path, "elsewhere") == 0, (tmp_path / "output.log").read_text()
    check_one_experiment(tmp_path)


def test_a_controller_killed_before_the_handle_is_recorded_leaves_the_experiment_of_a_command_to_the_next(tmp_path):
    evaluator = command(tmp_path)
    (tmp_path / "go").touch()
    assert ended(evaluator, tmp_path, "work", answers=1) == -signal.SIGKILL
    assert ended(evaluator, tmp_path, "work") == 0, (tmp_path / "output.log").read_text()
    check_one_experiment(tmp_path)
