"""The exit codes of a run, as cron sees them."""

import asyncio
from pathlib import Path

import pytest
from scripted_campaign import ScriptedEvaluator, a_campaign, failed, run
from typer.testing import CliRunner

from overnight.bo_core import SobolProposer
from overnight.campaign import Measurement
from overnight.flows.cli import app
from overnight.flows.commands.start.exit_codes import ExitCode
from overnight.flows.commands.start.run import exit_code_of
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.past_results.importing import write_observations
from overnight.flows.past_results.matching import PastObservation
from overnight.flows.session.journal import Journal
from overnight.storage import MemoryLedger, open_ledger


@pytest.mark.parametrize("cause", ["configuration", "timeout", "invalid_result", "infeasible", "infrastructure"])
async def test_a_campaign_that_finished_without_any_result_is_no_success(cause: str):
    campaign = a_campaign(budget={"trials": 2}, failures={"max_attempts": 1})
    ledger = MemoryLedger()
    history = await run(campaign, ScriptedEvaluator(lambda trial, attempt: failed(cause)), ledger)
    assert exit_code_of(history) is ExitCode.NO_RESULT
    # The next run finds nothing to do, and ends with the same code.
    assert exit_code_of(await run(campaign, ScriptedEvaluator(), ledger)) is ExitCode.NO_RESULT


async def test_one_result_is_enough():
    evaluator = ScriptedEvaluator(lambda trial, attempt: 1.0 if trial == 1 else failed("configuration"))
    assert exit_code_of(await run(a_campaign(budget={"trials": 3}), evaluator)) is ExitCode.WELL


async def test_imported_results_are_none_of_the_campaigns_own():
    ledger, campaign = MemoryLedger(), a_campaign(budget={"trials": 2})
    past = [PastObservation({"x": 0.5, "n": 3}, {"loss": Measurement(mean=1.0)}, {})]
    await write_observations(Journal(ledger), campaign, {}, SystemClock(), past)
    evaluator = ScriptedEvaluator(lambda trial, attempt: failed("configuration"))
    assert exit_code_of(await run(campaign, evaluator, ledger)) is ExitCode.NO_RESULT


async def test_a_campaign_that_was_drained_before_any_result_is_no_failure():
    stop = StopRequest()

    def drains(trial: int, attempt: int) -> object:
        stop.ask_for(Stop.DRAIN)
        return failed("configuration")

    history = await run(a_campaign(), ScriptedEvaluator(drains), stop=stop)
    assert history.trials.observed == 0
    assert exit_code_of(history) is ExitCode.WELL


FILE = """name: hopeless
parameters:
  a: {kind: float, low: 0, high: 1}
  b: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: {kind: simulated, function: branin}
budget: {trials: 1}
"""


@pytest.mark.parametrize(("outcome", "code"), [(1.0, 0), (failed("infeasible"), 3)], ids=["a result", "none"])
def test_the_command_exits_with_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: object, code: int):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "campaign.yaml"
    path.write_text(FILE)
    file = load_campaign_file(path)
    ledger = open_ledger(file.ledger, file.campaign.name, Path())
    evaluator = ScriptedEvaluator(lambda trial, attempt: outcome)
    job = Job(file.campaign, evaluator, SobolProposer(), ledger, Path(file.work), settings=file.settings())
    asyncio.run(run_loop(job, PlainSteps(), SystemClock(), StopRequest()))
    assert CliRunner().invoke(app, ["run", str(path)]).exit_code == code


def test_ctrl_c_before_a_campaign_is_at_work_is_answered(monkeypatch, tmp_path):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("overnight.flows.commands.start.run.load_campaign_file", interrupted)
    answer = CliRunner().invoke(app, ["run", str(tmp_path / "campaign.yaml")])
    assert answer.exit_code == ExitCode.INTERRUPTED
    assert "the same command runs or continues the campaign" in " ".join(answer.output.split())
