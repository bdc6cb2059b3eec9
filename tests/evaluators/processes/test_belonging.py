"""Files in an attempt's folder are trusted only if they belong to that attempt and are whole."""

import asyncio
import json
import os
import shutil
import stat
from collections.abc import ItemsView
from pathlib import Path

import pytest
from attempts import alive, command, no_report, pid_in, request, until

from overnight.campaign import EvaluationFailed, EvaluationOutcome, EvaluationSucceeded
from overnight.evaluators import PythonEvaluator
from overnight.evaluators.processes.supervisor import put_if_absent

MEASURE = """
with open("count", "a") as count:
    count.write("x")
done(metrics={"loss": request["parameters"]["x"]})
"""
ANOTHER = request(parameters={"x": 0.9, "n": 4}, key="test/9/1", trial=9)


def observed(outcome: EvaluationOutcome | None) -> float | None:
    return outcome.metrics["loss"].mean if isinstance(outcome, EvaluationSucceeded) else None


def assert_lost(outcome: EvaluationOutcome | None) -> None:
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infrastructure"


@pytest.mark.parametrize(
    "other",
    [
        ANOTHER,
        request(parameters={"x": 0.9, "n": 4}),
        request(seed=18),
        request(campaign="yesterday"),
        request(attempt=2),
    ],
    ids=["another trial", "another point", "another seed", "another campaign", "another attempt"],
)
async def test_a_folder_in_which_something_else_was_asked_gives_no_value(tmp_path: Path, other):
    evaluator, folder = command(tmp_path, MEASURE), tmp_path / "attempt"
    assert observed(await evaluator.evaluate(other, folder, no_report)) == other.parameters["x"]
    assert_lost(await evaluator.evaluate(request(), folder, no_report))
    assert_lost(await evaluator.recover(request(), folder, no_report))
    assert (tmp_path / "count").read_text() == "x"


@pytest.mark.parametrize("name", ["result.json", "exit.json"])
async def test_what_lies_there_before_an_attempt_begins_is_not_its_own(tmp_path: Path, name: str):
    folder = tmp_path / "attempt"
    folder.mkdir()
    (folder / name).write_text('{"metrics": {"loss": 7}, "status": 0}')
    evaluator = command(tmp_path, MEASURE)
    outcome = await evaluator.evaluate(request(), folder, no_report)
    assert_lost(outcome)
    assert f"found {name} from before the attempt began" in outcome.message
    assert not (tmp_path / "count").exists()


async def test_a_result_that_nobody_has_claimed_is_nobodys(tmp_path: Path):
    folder = tmp_path / "attempt"
    folder.mkdir()
    (folder / "result.json").write_text('{"metrics": {"loss": 7}}')
    assert await command(tmp_path, MEASURE).recover(request(), folder, no_report) is None


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def another_s(path: Path) -> None:
    shutil.copy(path.parent.with_name("another") / path.name, path)


async def test_no_spoilt_file_of_an_ended_attempt_gives_a_value(tmp_path: Path):
    evaluator, ended = command(tmp_path, MEASURE), tmp_path / "ended"
    await evaluator.evaluate(request(), ended, no_report)
    await evaluator.evaluate(ANOTHER, tmp_path / "another", no_report)
    believed = []
    for name in ("request.json", "claim.json", "exit.json", "result.json"):
        for spoil in (torn, emptied, another_s):
            folder = tmp_path / f"{name}-{spoil.__name__}"
            shutil.copytree(ended, folder)
            assert observed(await evaluator.recover(request(), folder, no_report)) == 0.3
            spoil(folder / name)
            outcome = await evaluator.recover(request(), folder, no_report)
            if not isinstance(outcome, EvaluationFailed) or outcome.cause != "infrastructure":
                believed.append((name, spoil.__name__, outcome))
    assert believed == []


async def test_a_functions_result_is_believed_for_its_own_attempt_only(tmp_path: Path):
    (tmp_path / "functions.py").write_text("def loss(params): return params['x']")
    evaluator = PythonEvaluator(function="functions:loss", folder=tmp_path)
    for asked, name in ((request(), "attempt"), (ANOTHER, "another")):
        await evaluator.evaluate(asked, tmp_path / name, no_report)
    another_s(tmp_path / "attempt" / "result.json")
    # As after the supervisor's death: its record of the result's hash is missing.
    (tmp_path / "attempt" / "exit.json").unlink()
    assert_lost(await evaluator.recover(request(), tmp_path / "attempt", no_report))


async def test_what_runs_under_a_claim_that_cannot_be_read_is_ended_and_not_adopted(tmp_path: Path):
    evaluator = command(tmp_path, 'write_pid("child"); wait_for("go"); done(metrics={"loss": 1})')
    running = asyncio.create_task(evaluator.evaluate(request(), tmp_path / "attempt", no_report))
    child = await pid_in(tmp_path / "child")
    torn(tmp_path / "attempt" / "claim.json")
    assert_lost(await evaluator.recover(request(), tmp_path / "attempt", no_report))
    assert not alive(child)
    assert_lost(await running)


async def test_what_runs_though_its_folder_was_emptied_is_ended_before_it_counts_as_never_begun(tmp_path: Path):
    evaluator = command(tmp_path, 'write_pid("child"); time.sleep(1000)')
    running = asyncio.create_task(evaluator.evaluate(request(), tmp_path / "attempt", no_report))
    child = await pid_in(tmp_path / "child")
    for path in (tmp_path / "attempt").glob("*.json"):
        path.unlink()
    assert await evaluator.recover(request(), tmp_path / "attempt", no_report) is None
    assert not alive(child)
    await running


async def test_a_claim_that_was_copied_from_elsewhere_names_nobody_to_be_ended(tmp_path: Path):
    evaluator = command(tmp_path, 'write_pid("child"); wait_for("go"); done(metrics={"loss": 1})')
    running = asyncio.create_task(evaluator.evaluate(ANOTHER, tmp_path / "another", no_report))
    child = await pid_in(tmp_path / "child")
    await until((tmp_path / "another" / "claim.json").exists)
    shutil.copytree(tmp_path / "another", tmp_path / "attempt")
    (tmp_path / "attempt" / "request.json").write_text(request().model_dump_json())
    assert_lost(await evaluator.recover(request(), tmp_path / "attempt", no_report))
    assert alive(child)
    (tmp_path / "go").touch()
    assert observed(await running) == 1


async def test_what_an_attempt_leaves_can_be_read_by_its_user_only(tmp_path: Path):
    (tmp_path / "functions.py").write_text("def loss(params): return params['x']")
    evaluator = PythonEvaluator(function="functions:loss", folder=tmp_path)
    await evaluator.evaluate(request(), tmp_path / "work" / "3" / "attempt", no_report)
    left = [tmp_path / "work", *(tmp_path / "work").rglob("*")]
    assert len(left) > 10
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in left}
    assert {path for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == set()
    assert json.loads((tmp_path / "work" / "3" / "attempt" / "claim.json").read_text())["key"] == "test/3/1"


class SeenWhileWritten(dict[str, int]):
    """Content that inspects the folder while it is being written there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(x=1)
        self.folder, self.names = folder, list[str]()

    def items(self) -> ItemsView[str, int]:
        self.names += os.listdir(self.folder)
        return super().items()


def test_nobody_can_foresee_under_which_name_a_file_is_written(tmp_path: Path):
    names = []
    for number in range(2):
        content = SeenWhileWritten(tmp_path)
        assert put_if_absent(tmp_path / f"{number}.json", content)
        names += [name.removeprefix(f"{number}.json.") for name in content.names if name.startswith(f"{number}.json.")]
    assert len(set(names)) == 2
    assert all(len(bytes.fromhex(name)) >= 8 for name in names)
    assert sorted(os.listdir(tmp_path)) == ["0.json", "1.json"]
