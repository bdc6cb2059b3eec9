"""Trials that are stopped early, and campaigns that end when little is left to gain."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from read_ledgers import events_of
from running import Running
from scripted_campaign import ScriptedEvaluator, a_campaign
from standing import status_lines
from virtual_steps import VirtualSteps

from benchmarks.virtual_time import VirtualClock, run_in_virtual_time
from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.campaign import Campaign, EvaluationSucceeded, History, Measurement
from overnight.campaign.errors import InvalidDefinition, NotUnderWay
from overnight.campaign.evaluation import EvaluationReport
from overnight.campaign.history.events import AttemptFailed, TrialStopped
from overnight.evaluators import PythonEvaluator
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.replay.again import replay
from overnight.flows.rules.early_stopping import decision
from overnight.report.tables import trial_rows
from overnight.storage import MemoryLedger, open_ledger
from overnight.storage.parquet_ledger import ParquetLedger
from overnight.storage.sql import query

MEDIAN = {"rule": "median", "after_trials": 3}
HALVING = {"rule": "successive_halving", "reduction": 3}
IMPROBABLE = {"rule": "improbable", "after_trials": 4}


class Learning(ScriptedEvaluator):
    """Reports ten steps of ten seconds each on the way to the square of x, and records the cancelled trials."""

    def __init__(self, steps: int = 10) -> None:
        super().__init__()
        self.steps, self.cancelled = steps, list[int]()

    async def evaluate(self, request, folder, report):
        self.evaluated.append((request.trial, request.attempt))
        final = request.parameters["x"] ** 2
        try:
            for step in range(1, self.steps + 1):
                await asyncio.sleep(10)
                loss = Measurement(mean=final + 0.01 * (self.steps - step))
                report(EvaluationReport(step=step, metrics={"loss": loss}))
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            self.cancelled.append(request.trial)
            raise
        return EvaluationSucceeded(metrics={"loss": Measurement(mean=final)}, cost=1.0)

    async def recover(self, request, folder, report):
        self.recovered.append((request.trial, request.attempt))
        return await self.evaluate(request, folder, report)


def run(campaign: Campaign, evaluator: ScriptedEvaluator, ledger: MemoryLedger, proposer: Any = None) -> History:
    job = Job(campaign, evaluator, proposer or SobolProposer(), ledger, Path("unused"))
    return run_in_virtual_time(run_loop(job, VirtualSteps(), VirtualClock(), StopRequest()))


@pytest.mark.parametrize("rule", [MEDIAN, HALVING, IMPROBABLE], ids=["median", "successive-halving", "improbable"])
def test_trials_that_fall_behind_are_ended_and_each_has_exactly_one_outcome(rule):
    ledger, evaluator = MemoryLedger(), Learning()
    history = run(a_campaign(stop_early=rule, budget={"trials": 16}), evaluator, ledger)
    stopped = [t for t in history.trials.values() if t.status == "stopped"]
    assert sorted(evaluator.cancelled) == sorted(t.id for t in stopped)
    assert 3 <= len(stopped) <= 13
    assert len(history.model_view().observed) + len(stopped) == history.started == 16
    assert all(t.attempts[-1].failed.cause == "cancelled" for t in stopped)
    assert evaluator.evaluated == [(trial, 1) for trial in range(1, 17)]
    best = min(history.trials.values(), key=lambda t: t.point["x"])
    assert best.status == "observed"
    assert history.closed_by.reason == "all 16 trials of the budget have been tried"


@pytest.mark.parametrize("rule", [MEDIAN, HALVING, IMPROBABLE], ids=["median", "successive-halving", "improbable"])
def test_every_stop_is_decided_again_from_the_events_before_it(rule):
    ledger = MemoryLedger()
    run(a_campaign(stop_early=rule, budget={"trials": 16}), Learning(), ledger)
    events = asyncio.run(events_of(ledger))
    decided = [(i, event) for i, event in enumerate(events) if isinstance(event, TrialStopped)]
    assert decided
    for i, event in decided:
        found = decision(History.from_events(events[:i]), event.trial, event.step)
        assert found is not None
        assert asdict(found) == event.model_dump(include={"rule", "metric", "step", "value", "threshold", "why"})


def test_a_stopped_trial_keeps_its_reports_and_the_seconds_that_it_ran():
    ledger = MemoryLedger()
    history = run(a_campaign(stop_early=MEDIAN, budget={"trials": 16}), Learning(), ledger)
    trial = next(t for t in history.trials.values() if t.status == "stopped")
    assert [r.step for r in history.reports[trial.id]] == list(range(1, trial.outcome.step + 1))
    assert trial.seconds == pytest.approx(10 * trial.outcome.step)
    assert trial.outcome.why.startswith(f"at step {trial.outcome.step} its best so far of loss, ")
    [row] = [row for row in trial_rows(history) if row["trial"] == trial.id]
    assert (row["status"], row["message"], row["loss"]) == ("stopped", trial.outcome.why, None)


def test_proposals_made_with_stopped_trials_known_are_replayed_to_the_last_bit():
    ledger = MemoryLedger()
    proposer = BayesianProposer(initial=6, restarts=2, raw_points=64)
    history = run(a_campaign(stop_early=MEDIAN, budget={"trials": 14}, workers=2), Learning(), ledger, proposer)
    made_with = [t for t in history.trials.values() if t.proposal.generator == "model"]
    assert any(t.status == "stopped" for t in history.trials.values())
    events = [
        event.model_copy(update={"settings": {"proposer": proposer.model_dump(mode="json")}})
        if event.kind == "campaign_defined"
        else event
        for event in asyncio.run(events_of(ledger))
    ]
    verdicts = [found.verdict for found in replay(events, Path())]
    assert len(verdicts) >= len(made_with) > 0
    assert set(verdicts) == {"same"}


def test_a_controller_that_dies_between_the_decision_and_the_kill_leaves_that_to_the_next_one():
    ledger, frozen = MemoryLedger(), MemoryLedger()
    campaign = a_campaign(stop_early=MEDIAN, budget={"trials": 16})
    run(campaign, Learning(), ledger)

    async def cut() -> int:
        for segment in await ledger.read():
            await frozen.append(segment.events, after=segment.number - 1)
            stops = [event.trial for event in segment.events if isinstance(event, TrialStopped)]
            if stops:
                return stops[0]
        raise AssertionError("nothing was stopped")

    trial = asyncio.run(cut())
    evaluator = Learning()
    history = run(campaign, evaluator, frozen)
    assert (trial, 1) in evaluator.recovered
    assert trial in evaluator.cancelled
    assert history.trials[trial].status == "stopped"
    closed = [e for e in asyncio.run(events_of(frozen)) if isinstance(e, AttemptFailed) and e.trial == trial]
    assert [end.will_retry for end in closed] == [False]
    assert (trial, 2) not in evaluator.evaluated


def test_what_has_ended_well_is_an_observation_whatever_its_last_report_says():
    class Sudden(Learning):
        async def evaluate(self, request, folder, report):
            await asyncio.sleep(10 if request.trial < 9 else 11)
            loss = Measurement(mean=float(request.trial))
            report(EvaluationReport(step=1, metrics={"loss": loss}))
            return EvaluationSucceeded(metrics={"loss": loss})

    history = run(a_campaign(stop_early=MEDIAN, budget={"trials": 12}), Sudden(), MemoryLedger())
    assert {trial.status for trial in history.trials.values()} == {"observed"}


async def test_where_nothing_ever_reports_the_status_says_that_the_rule_has_nothing_to_go_by():
    running = Running(a_campaign(stop_early=MEDIAN), ScriptedEvaluator())
    history = await running.controller
    assert any("none of 8 evaluations that ended reported loss" in line for line in status_lines(history))


_FUNCTION = """
import os, pathlib, time

def loss(parameters, report):
    pathlib.Path("pid").write_text(str(os.getpid()))
    report(1, parameters["x"])
    if parameters["x"] > 0.5:
        while True:
            time.sleep(0.01)
    return parameters["x"]
"""


def last_one_lives(folder: Path) -> bool:
    return Path("/proc", (folder / "pid").read_text()).exists()


async def test_the_process_of_a_stopped_trial_is_ended(tmp_path):
    (tmp_path / "slow.py").write_text(_FUNCTION)
    points = [{"x": x, "n": 1} for x in (0.1, 0.2, 0.3, 0.9)]
    campaign = a_campaign(stop_early=MEDIAN, start_with=points, budget={"trials": 4}, workers=1)
    evaluator = PythonEvaluator(function="slow:loss", folder=tmp_path)
    job = Job(campaign, evaluator, SobolProposer(), MemoryLedger(), tmp_path / "work")
    history = await run_loop(job, PlainSteps(), SystemClock(), StopRequest())
    assert [trial.status for trial in history.trials.values()] == ["observed"] * 3 + ["stopped"]
    assert history.closed_by.kind == "campaign_finished"
    assert not last_one_lives(tmp_path)


GAIN = {"expected_gain_below": 0.01}


def a_parabola(**changes: Any) -> Campaign:
    return a_campaign(parameters={"x": {"kind": "float", "low": 0, "high": 1}}, **{"budget": {"trials": 40}} | changes)


class Parabola(ScriptedEvaluator):
    """Returns ten times the squared distance from 0.3."""

    async def evaluate(self, request, folder, report):
        self.evaluated.append((request.trial, request.attempt))
        await asyncio.sleep(10)
        return EvaluationSucceeded(metrics={"loss": Measurement(mean=10 * (request.parameters["x"] - 0.3) ** 2, sem=0)})


def test_a_campaign_ends_when_little_is_left_to_gain_and_what_was_proposed_by_then_is_tried():
    history = run(a_parabola(stop_when=GAIN), Parabola(), MemoryLedger(), BayesianProposer())
    assert history.closed_by.kind == "campaign_finished"
    assert history.closed_by.reason.startswith("expected gain left: one more trial is expected to improve loss by ")
    assert history.closed_by.because == "gain"
    assert 4 + 3 <= len(history.trials) < 30
    assert {trial.status for trial in history.trials.values()} == {"observed"}
    assert min(t.outcome.metrics["loss"].mean for t in history.trials.values()) < 0.02


def test_where_the_gain_is_only_advice_the_budget_is_spent_and_the_status_advises():
    campaign = a_parabola(stop_when=GAIN | {"advice_only": True}, budget={"trials": 16})
    history = run(campaign, Parabola(), MemoryLedger(), BayesianProposer())
    assert history.started == 16
    assert any("in a row it was less than 0.01: you may stop" in line for line in status_lines(history))


def test_a_campaign_that_was_over_goes_on_with_a_lower_threshold():
    ledger = MemoryLedger()
    first = run(a_parabola(stop_when=GAIN), Parabola(), ledger, BayesianProposer())
    lower = a_parabola(stop_when={"expected_gain_below": 1e-9, "in_a_row": 4}, budget={"trials": len(first.trials) + 2})
    second = run(lower, Parabola(), ledger, BayesianProposer())
    assert second.started == first.started + 2


FILE = {
    "name": "own-loop",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 10},
}


def ledger_of(folder: Path) -> ParquetLedger:
    ledger = open_ledger(str(folder), FILE["name"], Path())
    assert isinstance(ledger, ParquetLedger)
    return ledger


def test_whoever_brings_a_loop_reports_and_is_told_what_to_end(tmp_path):
    campaign = AskTell(FILE | {"ledger": str(tmp_path), "stop_early": {"rule": "median", "after_trials": 2}})
    for loss in (0.1, 0.2):
        trial = campaign.ask()
        assert campaign.report(trial, 1, loss) is None
        campaign.tell(trial, loss)
    trial = campaign.ask()
    assert "was worse than 0.15" in (campaign.report(trial, 1, 0.9) or "")
    [row] = query(ledger_of(tmp_path), "select status, message, loss from trials where trial = 3").rows
    assert row == ("stopped", campaign.history.trials[3].outcome.why, None)
    with pytest.raises(NotUnderWay, match="report: trial 3: it has already ended, stopped at"):
        campaign.report(trial, 2, 0.01)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"stop_early": {"rule": "medium"}},
            "stop_early.rule: expected one of median, successive_halving, improbable, got",
        ),
        (
            {"stop_early": {"rule": "median", "after_stepp": 1}},
            "stop_early.after_stepp: expected one of rule,",
        ),
        ({"stop_early": {"rule": "successive_halving", "reduction": 1}}, "stop_early.reduction: expected 2 or more"),
        ({"stop_when": {"expected_gain_below": 0}}, "stop_when.expected_gain_below: expected more than 0"),
    ],
    ids=["rule", "key", "reduction", "gain"],
)
def test_a_rule_that_makes_no_sense_is_named_with_its_path(wrong, said):
    with pytest.raises(InvalidDefinition) as refused:
        read_campaign(FILE | wrong)
    assert said in str(refused.value)


def test_an_end_by_the_expected_gain_asks_for_a_proposer_that_tells_it():
    with pytest.raises(InvalidDefinition, match=r"expected a proposer that computes .*, got `kind: sobol`"):
        read_campaign(FILE | {"stop_when": GAIN, "proposer": {"kind": "sobol"}})
