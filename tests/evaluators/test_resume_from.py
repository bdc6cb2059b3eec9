"""Evaluations that continue from one at a lower fidelity: the requests to their processes, and their recovery."""

from pathlib import Path

import pytest
from attempts import campaign, command, no_report, request

from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.evaluation import EvaluationSucceeded, ResumeFrom
from overnight.evaluators import PythonEvaluator

FIDELITY = {"epochs": {"low": 1, "high": 9, "resume": True}}
SAVES = """
(Path(os.environ["EVAL_ARTIFACTS"]) / "state").write_text("7")
done(metrics={"loss": 1}, artifacts=["state"])
"""
CONTINUES = """
earlier = request["resume_from"]
done(metrics={"loss": float(Path(earlier["artifacts"][0]).read_text())}, metadata=earlier)
"""
ECHOES = """
done(metrics={"loss": 1}, metadata={"found": request["resume_from"]})
"""
TRAIN = """
from pathlib import Path

def train(params, resume_from):
    if resume_from is None:
        return 0.0
    return float(Path(resume_from["artifacts"][0]).read_text()) + resume_from["fidelity"]

def forgets(params):
    return 0.0
"""


def earlier(*artifacts: str) -> ResumeFrom:
    return ResumeFrom(trial=2, fidelity=3, key="test/2/1", artifacts=artifacts)


async def saved(tmp_path: Path) -> tuple[str, ...]:
    first = request(trial=2, key="test/2/1")
    outcome = await command(tmp_path, SAVES).evaluate(first, tmp_path / "work" / "test/2/1", no_report)
    assert isinstance(outcome, EvaluationSucceeded)
    return outcome.artifacts


async def test_a_command_can_open_what_the_earlier_evaluation_kept(tmp_path: Path):
    resumed = request(key="test/3/1", resume_from=earlier(*await saved(tmp_path)))
    outcome = await command(tmp_path, CONTINUES).evaluate(resumed, tmp_path / "work" / "test/3/1", no_report)
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metrics["loss"].mean == 7
    assert (outcome.metadata["trial"], outcome.metadata["fidelity"]) == (2, 3)


async def test_addresses_and_absolute_paths_are_passed_on_as_they_are(tmp_path: Path):
    resumed = request(key="test/3/1", resume_from=earlier("s3://bucket/state", "/srv/state"))
    outcome = await command(tmp_path, ECHOES).evaluate(resumed, tmp_path / "work" / "test/3/1", no_report)
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metadata["found"]["artifacts"] == ["s3://bucket/state", "/srv/state"]


async def test_an_evaluation_that_begins_from_the_start_receives_null(tmp_path: Path):
    outcome = await command(tmp_path, ECHOES).evaluate(
        request(key="test/1/1"), tmp_path / "work" / "test/1/1", no_report
    )
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metadata["found"] is None


async def test_an_attempt_that_continues_another_one_is_recovered_even_if_the_work_folder_has_moved(tmp_path: Path):
    resumed = request(key="test/3/1", resume_from=earlier(*await saved(tmp_path)))
    evaluator = command(tmp_path, CONTINUES)
    first = await evaluator.evaluate(resumed, tmp_path / "work" / "test/3/1", no_report)
    assert await evaluator.recover(resumed, tmp_path / "work" / "test/3/1", no_report) == first
    (tmp_path / "work").rename(tmp_path / "moved")
    assert await evaluator.recover(resumed, tmp_path / "moved" / "test/3/1", no_report) == first


async def test_an_attempt_that_continued_from_another_trial_is_not_adopted(tmp_path: Path):
    evaluator = command(tmp_path, ECHOES)
    await evaluator.evaluate(request(key="test/3/1", resume_from=earlier()), tmp_path / "work" / "test/3/1", no_report)
    other = request(key="test/3/1", resume_from=earlier().model_copy(update={"trial": 1}))
    found = await evaluator.recover(other, tmp_path / "work" / "test/3/1", no_report)
    assert found is not None
    assert found.kind == "failed"


async def test_a_function_receives_the_earlier_evaluation_if_there_is_one(tmp_path: Path):
    (tmp_path / "trainer.py").write_text(TRAIN)
    evaluator = PythonEvaluator.model_validate({"function": "trainer:train", "folder": tmp_path})
    begun = await evaluator.evaluate(request(key="test/1/1"), tmp_path / "work" / "test/1/1", no_report)
    assert begun.metrics["loss"].mean == 0
    resumed = request(key="test/3/1", resume_from=earlier(*await saved(tmp_path)))
    continued = await evaluator.evaluate(resumed, tmp_path / "work" / "test/3/1", no_report)
    assert continued.metrics["loss"].mean == 7 + 3


async def test_a_function_that_cannot_continue_is_refused_if_the_fidelity_says_that_it_does(tmp_path: Path):
    (tmp_path / "trainer.py").write_text(TRAIN)
    resuming = campaign().model_dump(exclude_unset=True) | {"fidelity": FIDELITY, "budget": {"trials": 1, "cost": 1}}
    asked = type(campaign()).model_validate(resuming)
    able = PythonEvaluator.model_validate({"function": "trainer:train", "folder": tmp_path})
    unable = PythonEvaluator.model_validate({"function": "trainer:forgets", "folder": tmp_path})
    await able.check(asked)
    await unable.check(campaign())
    with pytest.raises(InvalidDefinition, match="expected `trainer:forgets` to have a parameter `resume_from`"):
        await unable.check(asked)
