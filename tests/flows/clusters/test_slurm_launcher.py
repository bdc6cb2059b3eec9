"""Orders as jobs of Slurm, with commands that are scripted: what is submitted, asked and cancelled, and how often."""

import asyncio
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from scripted_slurm import SILENT, ScriptedSlurm, Submitted

from overnight.campaign import EvaluationFailed, EvaluationRequest, EvaluationSucceeded
from overnight.evaluators import CommandEvaluator, SimulatedEvaluator
from overnight.flows.clusters.following import Following
from overnight.flows.clusters.order import Claim, Order, Pulse, left_name, outcome_name
from overnight.flows.clusters.places.slurm import job as program
from overnight.flows.clusters.places.slurm.job import Work, mailbox_of
from overnight.flows.clusters.places.slurm.launcher import Pauses, SlurmLauncher
from overnight.flows.clusters.places.slurm.options import SlurmOptions
from overnight.flows.clusters.places.slurm.scheduler import environment_of_jobs
from overnight.flows.clusters.places.slurm.turns import Array
from overnight.flows.clusters.resources import Resources
from overnight.flows.clusters.worker import JobRun
from overnight.storage import Mailbox, open_mailboxes

QUICK = Pauses(gather=0.02, gather_at_most=0.2, look=0.05, longest_look=0.05, again=0.02, patience=60)
NIGHT = SlurmOptions(partition="night", time="8h", idle="1h")


class Cluster:
    """A scripted Slurm whose jobs run in the test's own event loop, as soon as they are submitted."""

    def __init__(self, folder: Path, options: SlurmOptions = NIGHT) -> None:
        self.folder, self.options = folder, options
        self.slurm = ScriptedSlurm(folder / "slurm")
        self.jobs: list[asyncio.Task[None]] = []
        self.started = 0

    def launcher(self, pauses: Pauses = QUICK) -> SlurmLauncher:
        return SlurmLauncher(self.options, Resources(cpus=2), self.slurm.scheduler(), pauses)

    def mailbox(self, key: str) -> Mailbox:
        return open_mailboxes(str(self.folder / "ledger"), "night", Path()).of(key)

    def order(self, trial: int, **evaluator: object) -> Order:
        request = EvaluationRequest(
            campaign="night",
            trial=trial,
            attempt=1,
            key=f"night-1a2b/{trial}/1-abcdef",
            parameters={"x": 0.1, "y": 0.2},
            seed=1,
            expected_metrics=("loss",),
            objective="loss",
        )
        return Order(
            ledger=str(self.folder / "ledger"),
            work=str(self.folder / "work"),
            evaluator=SimulatedEvaluator(function="branin", **{"time_limit": "1m", **evaluator}),
            request=request,
            pulse=Pulse(beat=0.1),
        )

    def start(self) -> None:
        """Start the jobs of the arrays that have been submitted since the last call."""
        submitted = self.slurm.submitted()
        for number, array in enumerate(submitted[self.started :], self.started + 1):
            for task in range(array.jobs):
                self.jobs.append(asyncio.create_task(self.run(array, f"{number}_{task}", task)))
        self.started = len(submitted)

    async def run(self, array: Submitted, name: str, number: int, run: int = 0) -> None:
        *_, token, walltime, idle, log = array.words
        box = Array(token, self.mailbox(mailbox_of(token)))
        await Work(box, number, name, float(walltime), float(idle)).done(JobRun(run, Path(log)))

    async def serve(self) -> None:
        while True:
            self.start()
            await asyncio.sleep(0.01)

    async def follow(self, launcher: SlurmLauncher, order: Order) -> object:
        box = self.mailbox(order.request.key)
        return await Following(order, box, launcher, "Slurm", timedelta(hours=1), print).to_its_end()


async def until(condition: Callable[[], object]) -> None:
    while not condition():  # noqa: ASYNC110 - another process makes it true
        await asyncio.sleep(0.01)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


@pytest.mark.slow
async def test_a_hundred_trials_of_fifty_workers_need_no_more_than_two_calls(cluster):
    launcher = cluster.launcher(Pauses())
    serving, trials = asyncio.create_task(cluster.serve()), iter(range(1, 101))

    async def worker() -> list[object]:
        return [await cluster.follow(launcher, cluster.order(trial)) for trial in trials]

    outcomes = [outcome for found in await asyncio.gather(*(worker() for _ in range(50))) for outcome in found]
    await launcher.close()
    serving.cancel()
    await asyncio.gather(*cluster.jobs)
    assert len(outcomes) == 100
    assert all(isinstance(outcome, EvaluationSucceeded) for outcome in outcomes)
    assert len(cluster.slurm.calls()) <= 100 / 50


async def test_a_job_with_time_for_one_evaluation_takes_one(tmp_path):
    cluster = Cluster(tmp_path, SlurmOptions())
    launcher, serving = cluster.launcher(), asyncio.create_task(cluster.serve())
    for trial in (1, 2):
        assert isinstance(await cluster.follow(launcher, cluster.order(trial)), EvaluationSucceeded)
    serving.cancel()
    await asyncio.gather(*cluster.jobs)
    assert [array.jobs for array in cluster.slurm.submitted()] == [1, 1]
    assert {array.options["--time"] for array in cluster.slurm.submitted()} == {"0-00:04:00"}


async def test_one_look_shows_all_jobs_that_are_waited_for(cluster):
    rarely = replace(QUICK, look=0.5, gather=0.5, gather_at_most=60)
    launcher = cluster.launcher(rarely)
    orders = [cluster.order(trial) for trial in range(1, 61)]
    await asyncio.gather(*(launcher.launch(order, ()) for order in orders))
    [array] = cluster.slurm.submitted()
    cluster.slurm.show(*((f"1_{job}", "PENDING", 0, array.name) for job in range(60)))
    await asyncio.sleep(rarely.look)
    assert await asyncio.gather(*(launcher.ended(order.request.key, "") for order in orders)) == [None] * 60
    assert [call[-2] for call in cluster.slurm.calls("squeue")] == [f"--name={array.name}"]


async def test_the_options_and_the_script_of_an_array(tmp_path):
    options = SlurmOptions(partition="gpu", account="lab", qos="low", constraint="a|b", extra=("--nice=5",))
    cluster = Cluster(tmp_path / "it's 100% here", options)
    launcher = SlurmLauncher(options, Resources(cpus=1.5, gpus=2, memory="1GB"), cluster.slurm.scheduler(), QUICK)
    await launcher.launch(cluster.order(1), ())
    [array] = cluster.slurm.submitted()
    asked = dict.fromkeys(("--parsable", "--requeue"), "") | {
        "--export": "ALL",
        "--array": "0-0",
        "--partition": "gpu",
        "--account": "lab",
        "--qos": "low",
        "--constraint": "a|b",
        "--nice": "5",
        "--cpus-per-task": "2",
        "--gres": "gpu:2",
        "--mem": "954M",
        "--nodes": "1",
        "--ntasks": "1",
        "--time": "0-00:04:00",
        "--open-mode": "append",
        "--chdir": str(tmp_path / "it's 100% here" / "work"),
    }
    assert {name: value for name, value in array.options.items() if name in asked} == asked
    token = array.name.removeprefix("overnight-night-")
    log = tmp_path / "it's 100% here" / "work" / "night-1a2b" / "slurm" / f"{token}-%a.log"
    assert array.options["--output"] == str(log).replace("%", "%%").replace("%%a", "%a")
    ledger = str(tmp_path / "it's 100% here" / "ledger")
    expected = [sys.executable, "-P", "-u", "-m", program.__name__, ledger, "night", token, "240", "60", str(log)]
    assert array.script == f"#!/bin/sh\nexec {shlex.join(expected)}\n"


def test_a_job_gets_no_more_of_the_environment_than_its_evaluation_and_its_ledger_need(monkeypatch):
    for name in ("TOKEN", "OTHER", "AWS_SECRET_ACCESS_KEY", "SLURM_CONF", "SBATCH_PARTITION"):
        monkeypatch.setenv(name, f"value of {name}")
    here, bucket = (environment_of_jobs(("TOKEN", "MODE=fast"), ledger) for ledger in ("/ledger", "s3://bucket/l"))
    named = {"TOKEN", "OTHER", "MODE", "AWS_SECRET_ACCESS_KEY", "SLURM_CONF", "SBATCH_PARTITION"}
    assert named & set(here) == {"TOKEN", "SLURM_CONF"}
    assert named & set(bucket) == {"TOKEN", "SLURM_CONF", "AWS_SECRET_ACCESS_KEY"}


async def test_a_submission_whose_answer_was_lost_is_not_repeated(cluster):
    cluster.slurm.answer("sbatch", "", problem=SILENT)
    launching = asyncio.create_task(cluster.launcher().launch(cluster.order(1), ()))
    await until(cluster.slurm.submitted)
    cluster.slurm.show(("41_0", "PENDING", 0, cluster.slurm.submitted()[0].name))
    await launching
    assert len({array.name for array in cluster.slurm.submitted()}) == 1


async def test_while_slurm_does_not_answer_an_order_is_submitted_again_under_the_same_name(cluster):
    cluster.slurm.answer_in_turn("sbatch", ("", SILENT), ("", SILENT), ("7\n", ""))
    await cluster.launcher().launch(cluster.order(1), ())
    assert [array.name for array in cluster.slurm.submitted()] == [cluster.slurm.submitted()[0].name] * 3


async def test_what_slurm_refuses_has_failed_in_its_words(cluster):
    cluster.slurm.answer("sbatch", "", problem="sbatch: error: Invalid account or account/partition combination")
    outcome = await cluster.follow(cluster.launcher(), cluster.order(1))
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infrastructure"
    assert "Invalid account or account/partition combination" in outcome.message


@pytest.mark.parametrize("state", ["CANCELLED", "TIMEOUT", "NODE_FAIL", "DEADLINE", "OUT_OF_MEMORY", "BOOT_FAIL"])
@pytest.mark.parametrize("worker", ["", "1_0"], ids=["before it began", "after it began"])
async def test_a_job_that_ended_badly_is_named_with_its_state_and_its_log(cluster, state, worker):
    launcher, order = cluster.launcher(), cluster.order(1)
    await launcher.launch(order, ())
    [array] = cluster.slurm.submitted()
    cluster.slurm.show(("1_0", state, 0, array.name))
    await asyncio.sleep(QUICK.look)
    log = array.words[-1].replace("%a", "0")
    ended = f"its job 1_0 ended as {state}; its log is {log}"
    assert await launcher.ended(order.request.key, worker) == ended


@pytest.mark.parametrize("worker", ["", "1_0"])
async def test_a_job_that_slurm_holds_because_it_could_not_start_it_has_ended(cluster, worker):
    launcher, order = cluster.launcher(), cluster.order(1)
    await launcher.launch(order, ())
    name = cluster.slurm.submitted()[0].name
    cluster.slurm.show(("1_0", "PENDING", 1, name), reason="launch failed requeued held")
    await asyncio.sleep(2 * QUICK.look)
    ending = await launcher.ended(order.request.key, worker) or ""
    assert ending.startswith("Slurm could not start its job 1_0 and holds it (launch failed requeued held); its log ")
    assert not await launcher.returns(order.request.key, Claim(mark="m", host="h", worker="1_0", run=0))


async def test_an_order_whose_job_slurm_has_forgotten_is_given_to_two_more_jobs(cluster):
    launcher, order = cluster.launcher(), cluster.order(1)
    await launcher.launch(order, ())
    for number in (2, 3):
        await asyncio.sleep(QUICK.look)
        assert await launcher.ended(order.request.key, "") is None
        assert len({array.name for array in cluster.slurm.submitted()}) == number
    await asyncio.sleep(QUICK.look)
    assert "3 jobs ended before they took it" in (await launcher.ended(order.request.key, "") or "")


async def test_what_slurm_shows_of_a_job_that_runs_is_no_end(cluster):
    launcher, order = cluster.launcher(), cluster.order(1)
    await launcher.launch(order, ())
    cluster.slurm.show(("1_0", "RUNNING", 0, cluster.slurm.submitted()[0].name))
    await asyncio.sleep(QUICK.look)
    assert await launcher.ended(order.request.key, "1_0") is None
    cluster.slurm.answer("squeue", "", problem=SILENT)
    await asyncio.sleep(QUICK.look)
    assert await launcher.ended(order.request.key, "1_0") is None


@pytest.mark.parametrize(
    ("state", "restarts", "back"),
    [
        ("PENDING", 1, True),
        ("COMPLETING", 1, True),
        ("RUNNING", 1, True),
        ("REQUEUE_HOLD", 1, True),
        ("SUSPENDED", 0, True),
        ("RUNNING", 0, False),
        ("COMPLETING", 0, False),
        ("CANCELLED", 1, False),
        ("PREEMPTED", 0, False),
    ],
)
async def test_a_job_comes_back_if_slurm_has_counted_another_run_of_it(cluster, state, restarts, back):
    launcher, order = cluster.launcher(), cluster.order(1)
    await launcher.launch(order, ())
    cluster.slurm.show(("1_0", state, restarts, cluster.slurm.submitted()[0].name))
    claim = Claim(mark="first", host="far", worker="1_0", run=0)
    assert await launcher.returns(order.request.key, claim) == back


async def test_a_pre_empted_job_keeps_the_attempt_through_its_second_run(cluster):
    launcher, order = cluster.launcher(), cluster.order(1)
    await launcher.launch(order, ())
    [array] = cluster.slurm.submitted()
    box, first = cluster.mailbox(order.request.key), Claim(mark="first", host="far", worker="1_0", run=0)
    await box.put("claim", first.model_dump_json())
    await box.put(left_name(first), "")
    cluster.slurm.show(("1_0", "PENDING", 1, array.name))
    following = asyncio.create_task(cluster.follow(launcher, order))
    running = asyncio.create_task(cluster.run(array, "1_0", 0, run=1))
    assert isinstance(await following, EvaluationSucceeded)
    await launcher.close()
    await running
    assert outcome_name(first) not in await box.names()


async def test_what_the_next_controller_finds_waiting_is_not_submitted_again(cluster):
    order = cluster.order(1)
    await cluster.launcher().launch(order, ())
    [array] = cluster.slurm.submitted()
    cluster.slurm.show(("1_0", "PENDING", 0, array.name))
    await cluster.launcher().launch(order, ())
    assert len(cluster.slurm.submitted()) == 1


async def test_what_a_dead_controller_had_recorded_and_not_submitted_is_submitted_by_the_next(cluster):
    order = cluster.order(1)
    cluster.slurm.answer("sbatch", "", problem=SILENT)
    launching = asyncio.create_task(cluster.launcher().launch(order, ()))
    await until(cluster.slurm.submitted)
    launching.cancel()
    cluster.slurm.answer("sbatch", "NUMBER\n")
    await cluster.launcher().launch(order, ())
    assert len({array.name for array in cluster.slurm.submitted()}) == 2


async def test_the_next_controller_gives_an_order_to_a_job_that_is_free(cluster, tmp_path):
    first, serving = cluster.launcher(), asyncio.create_task(cluster.serve())
    await cluster.follow(first, cluster.order(1))
    second = cluster.launcher()
    token = cluster.slurm.submitted()[0].words[-4]
    offers = tmp_path / "ledger" / "night" / "attempts" / mailbox_of(token)
    await until(lambda: list(offers.glob("offer-*")))
    assert isinstance(await cluster.follow(second, cluster.order(2)), EvaluationSucceeded)
    assert len(cluster.slurm.submitted()) == 1
    await second.close()
    serving.cancel()
    await asyncio.gather(*cluster.jobs)


async def test_a_job_that_waits_in_vain_closes_its_turn_and_gets_no_order_any_more(tmp_path):
    cluster = Cluster(tmp_path, NIGHT.model_copy(update={"idle": timedelta(seconds=0.01)}))
    launcher, serving = cluster.launcher(), asyncio.create_task(cluster.serve())
    await cluster.follow(launcher, cluster.order(1))
    await asyncio.gather(*cluster.jobs)
    assert isinstance(await cluster.follow(launcher, cluster.order(2)), EvaluationSucceeded)
    serving.cancel()
    await asyncio.gather(*cluster.jobs)
    assert len(cluster.slurm.submitted()) == 2


async def test_orders_that_were_withdrawn_are_cancelled_with_one_call_at_the_end(cluster):
    launcher = cluster.launcher(replace(QUICK, gather=0.5, gather_at_most=60))
    orders = [cluster.order(trial) for trial in (1, 2, 3)]
    await asyncio.gather(*(launcher.launch(order, ()) for order in orders))
    for order in orders:
        await launcher.withdraw(order.request.key)
    await launcher.close()
    [[quiet, *jobs]] = cluster.slurm.calls("scancel")
    assert quiet == "--quiet"
    assert sorted(jobs) == ["1_0", "1_1", "1_2"]


async def test_a_job_evaluates_nothing_for_an_order_that_was_withdrawn(cluster):
    launcher, order = cluster.launcher(), cluster.order(1)
    following = asyncio.create_task(cluster.follow(launcher, order))
    await until(cluster.slurm.submitted)
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    await launcher.close()
    await cluster.run(cluster.slurm.submitted()[0], "1_0", 0)
    assert not [name for name in await cluster.mailbox(order.request.key).names() if name.startswith("outcome")]


async def test_what_one_of_several_jobs_with_the_same_order_evaluates_no_other_does(cluster, tmp_path):
    script = 'echo once >> began; echo \'{"metrics": {"loss": 1}}\' > $EVAL_RESULT'
    evaluator = CommandEvaluator(command=("sh", "-c", script), folder=tmp_path, time_limit="1m")
    order = cluster.order(1).model_copy(update={"evaluator": evaluator})
    launcher = cluster.launcher()
    await launcher.launch(order, ())
    [array] = cluster.slurm.submitted()
    running = [asyncio.create_task(cluster.run(array, f"{number}_0", 0)) for number in (1, 2, 3)]
    assert isinstance(await cluster.follow(launcher, order), EvaluationSucceeded)
    await launcher.close()
    await asyncio.gather(*running)
    assert (tmp_path / "began").read_text() == "once\n"
