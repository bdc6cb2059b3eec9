"""Faults for which schedulers of clusters are known, each in a campaign: one outcome, its cause reported, none lost."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attempts import until
from standing import status_lines

from overnight.campaign import EvaluationSucceeded, History, Measurement
from overnight.flows.assembly import placed
from overnight.flows.clusters.order import BEAT, CLAIM, STOP, Claim, Order, Pulse, outcome_name
from overnight.flows.clusters.worker import carry_out
from overnight.flows.controller import machine
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.report.trial_lines import failed_attempts
from overnight.storage import Mailbox, open_ledger, open_mailboxes

CAMPAIGN = f"""
name: night
parameters: {{x: {{kind: float, low: 0, high: 1}}}}
minimize: loss
evaluator: {{command: {sys.executable} measure.py, grace: 0.1s}}
proposer: {{kind: sobol}}
budget: {{trials: 2}}
failures: {{back_off: 0s, max_in_a_row: 1}}
run_on: {{pool: hall, start_within: 2s}}
"""
MEASURE = """
import json, os
with open("evaluations.log", "a") as log:
    log.write(json.load(open(os.environ["EVAL_REQUEST"]))["key"] + "\\n")
with open(os.environ["EVAL_RESULT"], "w") as result:
    json.dump({"metrics": {"loss": 0.5}}, result)
"""
AFAR = Claim(
    mark="afar", host="node-7", pid=7, started="another boot:pid:[1]:5", worker="pod hall-7", marks_outcome=True
)


class Hall:
    """A Launcher whose first workers are subject to a fault; the others carry out their orders in this event loop.

    `fault` is called with each of the first `faulty` orders. `ends` is what the cluster reports about them.
    """

    def __init__(self, fault: Callable[[Order], None], *, faulty: int = 1, ends: str | None = None) -> None:
        self.fault, self.faulty, self.ends = fault, faulty, ends
        self.orders = list[Order]()
        self.working = list[asyncio.Task[str]]()

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        self.orders.append(order)
        if len(self.orders) <= self.faulty:
            self.fault(order)
        else:
            self.working.append(asyncio.create_task(carry_out(order, "pod hall-8")))

    async def ended(self, key: str, worker: str) -> str | None:
        return self.ends if key in [order.request.key for order in self.orders[: self.faulty]] else None

    async def returns(self, key: str, claim: Claim) -> bool:
        return False

    async def withdraw(self, key: str) -> None:
        pass

    async def close(self) -> None:
        pass


def mailbox(order: Order) -> Mailbox:
    return open_mailboxes(order.ledger, "night", Path()).of(order.request.key)


def taken_afar(order: Order) -> None:
    """Take the attempt on a machine that cannot be seen from here, and fall silent."""
    folder = Path(order.ledger) / "night" / "attempts" / order.request.key
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CLAIM).write_text(AFAR.model_dump_json())
    (folder / BEAT).write_text("1")


def left_alone(order: Order) -> None:
    """Do nothing: the order waits in the queue."""


def refused(order: Order) -> None:
    raise ConnectionRefusedError("TooManyRequests: Too many concurrent attempts to register a job")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    (tmp_path / "measure.py").write_text(MEASURE)
    monkeypatch.setattr(machine, "_FIRST_REST", 0.01)
    return tmp_path


async def run(
    folder: Path, hall: Hall, said: list[str] | None = None, watch: Callable[[History], None] = lambda history: None
) -> History:
    file = load_campaign_file(folder / "campaign.yaml")
    ledger = open_ledger(file.ledger, "night", folder)
    notify = (said if said is not None else list[str]()).append
    async with placed(file, Pulse(beat=0.05, silence=1), notify) as evaluator:
        evaluator.launchers[file.run_on] = hall
        job = Job(file.campaign, evaluator, file.proposer, ledger, Path(file.work), file.settings(), here=False)
        history = await run_loop(job, PlainSteps(), SystemClock(), StopRequest(), watch, notify)
    await asyncio.gather(*hall.working)
    return history


def check_one_outcome_each(history: History, folder: Path) -> None:
    assert history.closed_by is not None
    assert history.closed_by.kind == "campaign_finished"
    trials = list(history.trials.values())
    assert [trial.status for trial in trials] == ["observed", "observed"]
    assert [trial.measured["loss"].mean for trial in trials] == [0.5, 0.5]
    # The attempts that were evaluated, each of them once, are those that gave the results.
    evaluated = (folder / "evaluations.log").read_text().split()
    assert sorted(evaluated) == sorted(trial.attempts[-1].key for trial in trials)


def failures_of(history: History) -> list[tuple[str, str, bool]]:
    """Return cause, message and machine of each failed attempt, all of which the report lists as tried again."""
    ended = [attempt.failed for trial in history.trials.values() for attempt in trial.attempts]
    failed = [end for end in ended if end is not None]
    assert [line["message"] for line in failed_attempts(history)] == [end.message for end in failed]
    assert {line["then"] for line in failed_attempts(history)} == {"tried again"}
    return [(end.cause, end.message, end.machine) for end in failed]


@pytest.mark.slow
async def test_a_pod_that_is_evicted_although_its_run_stays_running_is_given_up_for_its_silence(folder):
    history = await run(folder, Hall(taken_afar, ends=None))
    check_one_outcome_each(history, folder)
    [(cause, message, of_machine)] = failures_of(history)
    assert (cause, of_machine) == ("infrastructure", False)
    assert message.startswith("it ran on host node-7 (pod hall-7), for work pool `hall`, which has given no sign of ")
    assert "is considered dead (`failures.when_unknown: retry`)" in message


@pytest.mark.slow
async def test_a_run_that_is_called_crashed_and_completes_later_is_not_believed_and_is_asked_to_end(folder):
    hall = Hall(taken_afar, ends="its flow run is Crashed: the node is gone")
    history = await run(folder, hall)
    late = EvaluationSucceeded(metrics={"loss": Measurement(mean=-7.0)}).model_dump_json()
    assert await mailbox(hall.orders[0]).put(outcome_name(AFAR), late)
    check_one_outcome_each(history, folder)
    [(cause, message, _)] = failures_of(history)
    assert cause == "infrastructure"
    assert message == (
        "it left no result on host node-7 (pod hall-7), for work pool `hall`: its flow run is Crashed: the node is gone"
    )
    # If its worker lives after all, the worker finds this at its next sign of life, and ends the evaluation.
    assert STOP in await mailbox(hall.orders[0]).names()


async def test_a_run_that_crashed_before_it_began_and_begins_later_evaluates_nothing(folder):
    hall = Hall(left_alone, ends="its flow run is Crashed: the pod was evicted")
    history = await run(folder, hall)
    assert await carry_out(hall.orders[0]) == "this attempt was taken before, so nothing was evaluated"
    check_one_outcome_each(history, folder)
    [failure] = failures_of(history)
    assert failure == ("infrastructure", "it did not begin: its flow run is Crashed: the pod was evicted", True)


@pytest.mark.slow
async def test_a_queue_that_is_silent_for_lack_of_quota_loses_no_trial(folder):
    said = list[str]()
    hall = Hall(left_alone, faulty=4)
    (folder / "campaign.yaml").write_text(CAMPAIGN.replace("start_within: 2s", "start_within: 0.2s"))
    history = await run(folder, hall, said)
    for order in hall.orders[:4]:
        assert await carry_out(order) == "this attempt was taken before, so nothing was evaluated"
    check_one_outcome_each(history, folder)
    why = (
        "no worker of work pool `hall` took it within 0.2s; check that one is running and has the resources that it "
        "needs"
    )
    assert failures_of(history) == [("infrastructure", why, True)] * 4
    assert said[0].startswith("no worker of work pool `hall` has taken trial 1 yet. Check that one is running")


async def test_a_registration_that_is_refused_for_a_while_loses_no_trial_and_blames_no_point(folder):
    said = list[str]()
    history = await run(folder, Hall(refused, faulty=4), said)
    check_one_outcome_each(history, folder)
    why = (
        "it could not be sent to work pool `hall`: ConnectionRefusedError: TooManyRequests: Too many concurrent "
        "attempts to register a job"
    )
    assert failures_of(history) == [("infrastructure", why, True)] * 4
    assert f"attempts tried again: 4 × infrastructure; the newest, of trial 1: {why}" in status_lines(history)
    assert f"Nothing new is started: {why}; nothing counts as failed" in said[0]
    assert said[-1] == "Evaluations start again."


async def test_while_a_cluster_refuses_all_orders_the_status_says_why(folder):
    seen = list[History]()
    running = asyncio.create_task(run(folder, Hall(refused, faulty=10**6), watch=seen.append))
    await until(lambda: bool(seen) and seen[-1].paused is not None)
    shown = "\n".join(status_lines(seen[-1]))
    running.cancel()
    await asyncio.wait({running})
    assert "paused by controller" in shown
    assert "it could not be sent to work pool `hall`: ConnectionRefusedError: TooManyRequests: Too many conc" in shown
    assert "nothing counts as failed, and the campaign continues by itself afterwards" in shown


@pytest.mark.slow
async def test_a_dask_worker_at_its_walltime_takes_its_evaluation_with_it_which_is_tried_again(folder):
    left = "the scheduler no longer knows the worker tcp://10.0.0.7:4711"
    history = await run(folder, Hall(taken_afar, ends=left))
    check_one_outcome_each(history, folder)
    [(cause, message, of_machine)] = failures_of(history)
    assert (cause, of_machine) == ("infrastructure", False)
    assert message == f"it left no result on host node-7 (pod hall-7), for work pool `hall`: {left}"
