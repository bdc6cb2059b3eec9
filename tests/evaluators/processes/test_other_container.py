"""Process ids from another container are never used to end a process or to prove it dead."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from attempts import alive, command, kill, no_report, request, start

from overnight.campaign import EvaluationFailed, EvaluationSucceeded
from overnight.evaluators.processes.supervisor import all_processes, boot_id

CONTAINER = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
RECOVER = """
import asyncio, subprocess, sys
from pathlib import Path
from overnight.campaign import EvaluationRequest
from overnight.evaluators import CommandEvaluator
from overnight.evaluators.processes.supervisor import all_processes
def innocents():
    return [process.pid for process in all_processes() if process.session == leader.pid]
evaluator = CommandEvaluator.model_validate_json(sys.argv[1])
request = EvaluationRequest.model_validate_json(sys.argv[2])
leader = subprocess.Popen(["sh", "-c", "sleep 1000 & exit 0"], start_new_session=True)
leader.wait()
claim = Path(sys.argv[3], "claim.json")
claim.write_text(claim.read_text().replace('"PID"', str(leader.pid)))
outcome = asyncio.run(evaluator.recover(request, Path(sys.argv[3]), lambda report: None))
print(len(innocents()), outcome.model_dump_json())
"""


def _needs_containers() -> None:
    if subprocess.run([*CONTAINER, "true"], capture_output=True).returncode != 0:
        pytest.skip("a namespace of process numbers of one's own takes rights that are missing here")


def _attempt(folder: Path, **claimed: object) -> Path:
    """Write the files of a supervisor that claimed the attempt and then vanished."""
    attempt = folder / "attempt"
    attempt.mkdir()
    (attempt / "request.json").write_text(request().model_dump_json())
    claim = {"ticks": 1, "boot": boot_id(), "mark": "m", "key": "test/3/1", "began": 0.0}
    (attempt / "claim.json").write_text(json.dumps(claim | claimed))
    return attempt


async def test_recovery_ends_no_process_whose_number_was_anothers_in_another_container(tmp_path: Path):
    _needs_containers()
    # In the container, the id belongs to an unrelated session, whose first process may have ended.
    folder = _attempt(tmp_path, pid="PID", namespace=os.readlink("/proc/self/ns/pid"))
    evaluator = command(tmp_path, "pass")
    arguments = [evaluator.model_dump_json(), request().model_dump_json(), str(folder)]
    ran = await asyncio.to_thread(
        subprocess.run, [*CONTAINER, sys.executable, "-c", RECOVER, *arguments], capture_output=True, text=True
    )
    lived, _, said = ran.stdout.partition(" ")
    assert lived == "1", ran.stderr
    outcome = EvaluationFailed.model_validate_json(said)
    assert outcome.lost
    assert outcome.unseen is not None
    assert "in another container of this machine" in outcome.unseen


@pytest.mark.parametrize(
    ("namespace", "ended"), [("pid:[1]", False), (os.readlink("/proc/self/ns/pid"), True)], ids=["other", "own"]
)
async def test_only_in_its_own_container_the_session_of_a_dead_supervisor_is_ended(
    tmp_path: Path, namespace: str, *, ended: bool
):
    leader = start("sh", "-c", "sleep 1000 & exit 0")
    leader.wait()
    [survivor] = [process.pid for process in all_processes() if process.session == leader.pid]
    try:
        folder = _attempt(tmp_path, pid=leader.pid, namespace=namespace)
        outcome = await command(tmp_path, "pass").recover(request(), folder, no_report)
        assert isinstance(outcome, EvaluationFailed)
        assert (outcome.unseen is None) == ended
        assert alive(survivor) == (not ended)
    finally:
        if alive(survivor):
            kill(survivor)


async def test_what_ended_in_another_container_is_adopted_from_there(tmp_path: Path):
    folder = _attempt(tmp_path, pid=7, namespace="pid:[1]")
    (folder / "result.json").write_text('{"metrics": {"loss": 4}}')
    outcome = await command(tmp_path, "pass").recover(request(), folder, no_report)
    assert isinstance(outcome, EvaluationSucceeded)
