"""Faults of a work pool, on a real Prefect server whose worker and pods are played by the test."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import controller_on_cluster
import pytest
from own_prefect import Server, a_name
from read_ledgers import events_of

from overnight.campaign import EvaluationSucceeded, History, Measurement, Trial
from overnight.flows.clusters.order import BEAT, CLAIM, STOP, Claim, Order, outcome_name
from overnight.flows.clusters.worker import carry_out
from overnight.storage import Mailbox, open_ledger, open_mailboxes

CAMPAIGN = """
name: {name}
parameters: {{x: {{kind: float, low: 0, high: 1}}}}
minimize: loss
evaluator: {{command: {python} measure.py, grace: 0.1s}}
proposer: {{kind: sobol}}
workers: {workers}
budget: {{trials: {workers}}}
failures: {{back_off: 0s, max_attempts: 2}}
run_on: {{pool: {name}, start_within: {start_within}}}
"""
MEASURE = """
import json, os
with open("evaluations.log", "a") as log:
    log.write(json.load(open(os.environ["EVAL_REQUEST"]))["key"] + "\\n")
with open(os.environ["EVAL_RESULT"], "w") as result:
    json.dump({"metrics": {"loss": 0.5}}, result)
"""
# The trials with a fault, and for how many attempts it lasts.
EVICTED, CRASHED, NOT_REGISTERED = 1, 2, 3
FAULTS = {EVICTED: 1, CRASHED: 1, NOT_REGISTERED: 2}
REFUSAL = "Flow run could not be submitted to infrastructure: Too many concurrent attempts"
AFAR = Claim(
    mark="afar", host="node-7", pid=7, started="another boot:pid:[1]:5", worker="flow run 7", marks_outcome=True
)


class Pool:
    """A work pool on a real server, whose worker and pods this process plays; `faults` names trials and attempts."""

    def __init__(self, server: Server, faults: dict[int, int]) -> None:
        self.server, self.faults, self.name = server, faults, a_name()
        self.trials = max(len(faults), 1)
        self.orders = dict[str, Order]()

    def work(self) -> None:
        """Take the flow runs that are new, as a worker and its pods do."""
        for run in self.server.runs_of(self.name):
            if run["id"] in self.orders:
                continue
            order = self.orders[run["id"]] = Order.model_validate(run["parameters"]["order"])
            request = order.request
            if request.attempt <= self.faults.get(request.trial, 0):
                self._fail(run, order)
            else:
                self.set_state(run["id"], "RUNNING")
                asyncio.run(carry_out(order, f"flow run {run['name']}"))
                self.set_state(run["id"], "COMPLETED")

    def _fail(self, run: dict[str, Any], order: Order) -> None:
        if order.request.trial == NOT_REGISTERED:
            self.set_state(run["id"], "CRASHED", REFUSAL)
            return
        self.set_state(run["id"], "RUNNING")
        asyncio.run(take_afar(order))
        if order.request.trial == CRASHED:
            self.set_state(run["id"], "CRASHED", "the node is gone")

    def set_state(self, run: str, kind: str, message: str = "") -> None:
        state = {"type": kind, "message": message}
        self.server.post(f"/flow_runs/{run}/set_state", {"state": state, "force": True})

    def of(self, trial: int) -> list[str]:
        """Return the flow runs of a trial."""
        return [run for run, order in self.orders.items() if order.request.trial == trial]

    def states_of(self, trial: int) -> list[str]:
        states = {run["id"]: run["state_type"] for run in self.server.runs_of(self.name)}
        return [states[run] for run in self.of(trial)]


def mailbox(order: Order) -> Mailbox:
    return open_mailboxes(order.ledger, order.request.campaign, Path()).of(order.request.key)


async def take_afar(order: Order) -> None:
    """Take an attempt on a machine that cannot be seen from here, and fall silent after a sign of life."""
    await mailbox(order).put(CLAIM, AFAR.model_dump_json())
    await mailbox(order).replace(BEAT, "1")


@contextmanager
def controller(folder: Path, pool: Pool, start_within: str = "5m") -> Iterator["subprocess.Popen[bytes]"]:
    """Start a controller, and kill it in the end."""
    described = CAMPAIGN.format(name=pool.name, python=sys.executable, workers=pool.trials, start_within=start_within)
    (folder / "campaign.yaml").write_text(described)
    (folder / "measure.py").write_text(MEASURE)
    command = [sys.executable, controller_on_cluster.__file__, "campaign.yaml", "0.05", "10"]
    with (folder / "output.log").open("ab") as output:
        started = subprocess.Popen(
            command, cwd=folder, env=pool.server.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        yield started
    finally:
        started.kill()
        started.wait()


def until(condition: Callable[[], bool], folder: Path) -> None:
    deadline = time.monotonic() + 200
    while not condition():
        assert time.monotonic() < deadline, (folder / "output.log").read_text()
        time.sleep(0.05)


def run(folder: Path, pool: Pool) -> History:
    """Run a campaign to its end on a pool whose worker works."""

    def has_ended() -> bool:
        pool.work()
        return started.poll() is not None

    with controller(folder, pool) as started:
        until(has_ended, folder)
        assert started.returncode == 0, (folder / "output.log").read_text()
    return history_of(folder, pool)


def history_of(folder: Path, pool: Pool) -> History:
    return History.from_events(asyncio.run(events_of(open_ledger(str(folder / "ledger"), pool.name, folder))))


def check_one_evaluation_each(history: History, folder: Path) -> None:
    trials = history.trials.values()
    assert [trial.status for trial in trials] == ["observed"] * len(trials)
    evaluated = Counter((folder / "evaluations.log").read_text().split())
    assert evaluated == Counter(trial.attempts[-1].key for trial in trials)


def failures_of(trial: Trial) -> list[tuple[str, str, bool]]:
    ended = [attempt.failed for attempt in trial.attempts]
    return [(end.cause, end.message, end.machine) for end in ended if end is not None]


@pytest.mark.long
@pytest.mark.slow
def test_faults_of_a_pool_cost_no_trial_and_a_late_end_changes_nothing(tmp_path, server):
    pool = Pool(server, FAULTS)
    history = run(tmp_path, pool)
    check_one_evaluation_each(history, tmp_path)

    where = f"on host node-7 (flow run 7), for work pool `{pool.name}`"
    [(cause, message, of_machine)] = failures_of(history.trials[EVICTED])
    assert message.startswith(f"it ran {where}, which has given no sign of life")
    assert (cause, of_machine) == ("infrastructure", False)
    assert pool.states_of(EVICTED) == ["RUNNING", "COMPLETED"]

    why = f"it left no result {where}: its flow run is Crashed: the node is gone"
    assert failures_of(history.trials[CRASHED]) == [("infrastructure", why, False)]
    # As many failures as a trial may have, but none of them is counted: the trial had not begun.
    why = f"it did not begin: its flow run is Crashed: {REFUSAL}"
    assert failures_of(history.trials[NOT_REGISTERED]) == [("infrastructure", why, True)] * 2

    # The crashed run completes after all.
    crashed = pool.orders[pool.of(CRASHED)[0]]
    assert STOP in asyncio.run(mailbox(crashed).names())
    late = EvaluationSucceeded(metrics={"loss": Measurement(mean=-7.0)}).model_dump_json()
    assert asyncio.run(mailbox(crashed).put(outcome_name(AFAR), late))
    pool.set_state(pool.of(CRASHED)[0], "COMPLETED")
    again = run(tmp_path, pool)
    measured = {trial.id: trial.measured for trial in history.trials.values()}
    assert {trial.id: trial.measured for trial in again.trials.values()} == measured


@pytest.mark.slow
def test_runs_that_stay_pending_for_lack_of_quota_are_withdrawn_and_tried_again(tmp_path, server):
    pool = Pool(server, {})

    def states() -> list[str]:
        return [run["state_type"] for run in server.runs_of(pool.name)]

    with controller(tmp_path, pool, start_within="1s"):
        until(lambda: "CANCELLED" in states(), tmp_path)
    first = next(run for run in server.runs_of(pool.name) if run["state_type"] == "CANCELLED")
    order = Order.model_validate(first["parameters"]["order"])
    # Once there is room, a pod of a withdrawn run may start all the same.
    assert "this attempt was taken before" in asyncio.run(carry_out(order))
    history = run(tmp_path, pool)
    check_one_evaluation_each(history, tmp_path)
    why = "took it within 1s; check that one is running and has the resources that it needs"
    failed = failures_of(history.trials[order.request.trial])
    assert ("infrastructure", f"no worker of work pool `{pool.name}` {why}", True) in failed
