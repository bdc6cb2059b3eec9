"""An attempt elsewhere, followed through its mailbox alone: begun, silent, refused, stopped, taken twice."""

import asyncio
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.virtual_time import run_in_virtual_time
from overnight.campaign import EvaluationFailed, EvaluationRequest, EvaluationSucceeded, Measurement
from overnight.campaign.errors import LedgerError
from overnight.campaign.evaluation import EvaluationReport
from overnight.evaluators import CommandEvaluator
from overnight.flows.clusters.following import Following
from overnight.flows.clusters.order import BEAT, CLAIM, OUTCOME, REPORTS, Claim, Order, Pulse
from overnight.flows.clusters.worker import _Evaluation, carry_out
from overnight.storage import LocalStore, Mailbox, open_mailboxes

KEY = "night-1a2b/3/1"
SCRIPT = """
import json, os
with open("evaluations.log", "a") as log:
    log.write("once\\n")
with open(os.environ["EVAL_REPORTS"], "a") as reports:
    reports.write(json.dumps({"step": 4, "metrics": {"loss": 9}}) + "\\n")
with open(os.environ["EVAL_RESULT"], "w") as result:
    json.dump({"metrics": {"loss": 0.5}}, result)
"""


class Cluster:
    """A Launcher that carries out orders in the test's event loop or ignores them, and may report that they ended."""

    def __init__(self, *, works: bool = True, says: str | None = None, refuses: Exception | None = None) -> None:
        self.works, self.says, self.refuses = works, says, refuses
        self.carried_out: list[asyncio.Task[str]] = []
        self.withdrawn: list[str] = []

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        if self.works:
            self.carried_out.append(asyncio.create_task(carry_out(order, "worker-1")))
        if self.refuses is not None:
            await asyncio.gather(*self.carried_out)
            raise self.refuses

    async def ended(self, key: str, worker: str) -> str | None:
        return self.says

    async def withdraw(self, key: str) -> None:
        self.withdrawn.append(key)

    async def close(self) -> None:
        pass


@pytest.fixture
def order(tmp_path: Path) -> Order:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    request = EvaluationRequest(
        campaign="night",
        trial=3,
        attempt=1,
        key=KEY,
        parameters={"x": 0.1},
        seed=1,
        expected_metrics=("loss",),
        objective="loss",
    )
    evaluator = CommandEvaluator(command=(sys.executable, str(script)), folder=tmp_path, grace=timedelta(seconds=0.1))
    pulse = Pulse(beat=0.05)
    work = str(tmp_path / "work")
    return Order(ledger=str(tmp_path / "ledger"), work=work, evaluator=evaluator, request=request, pulse=pulse)


def mailbox(order: Order) -> Mailbox:
    return open_mailboxes(order.ledger, "night", Path()).of(KEY)


def with_pulse(order: Order, beat: float, silence: float) -> Order:
    return order.model_copy(update={"pulse": Pulse(beat=beat, silence=silence)})


def following(
    order: Order,
    cluster: Cluster,
    heard: list[EvaluationReport] | None = None,
    start_within: float = 3600,
    told: Callable[[str], None] = print,
) -> Following:
    reports = [] if heard is None else heard
    return Following(order, mailbox(order), cluster, "the hall", timedelta(seconds=start_within), reports.append, told)


async def from_afar(order: Order) -> None:
    """Take the attempt as a worker would on a machine that cannot be seen from here."""
    claim = Claim(mark="afar", host="far-away", pid=7, started="another boot:pid:[1]:5", worker="w7")
    await mailbox(order).put(CLAIM, claim.model_dump_json())
    await mailbox(order).replace(BEAT, "1")


async def test_its_outcome_and_what_it_reported_on_the_way_come_back(order):
    heard: list[EvaluationReport] = []
    outcome = await following(order, Cluster(), heard).to_its_end()
    assert isinstance(outcome, EvaluationSucceeded)
    assert outcome.metrics["loss"].mean == 0.5
    assert [(report.step, report.metrics["loss"].mean) for report in heard] == [(4, 9.0)]


async def test_an_order_that_is_carried_out_several_times_is_evaluated_once(order, tmp_path):
    told = await asyncio.gather(*(carry_out(order) for _ in range(3)))
    assert sorted(told)[0] == "loss 0.5"
    assert sum("this attempt was taken before" in text for text in told) == 2
    assert (tmp_path / "evaluations.log").read_text() == "once\n"


async def test_whoever_follows_later_finds_the_outcome_without_another_evaluation(order, tmp_path):
    first = await following(order, Cluster()).to_its_end()
    assert await following(order, Cluster()).to_its_end() == first
    assert (tmp_path / "evaluations.log").read_text() == "once\n"


async def test_one_that_ended_before_it_began_can_begin_no_more(order, tmp_path):
    cluster = Cluster(works=False, says="its flow run is Crashed: no such image")
    outcome = await following(order, cluster).to_its_end()
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infrastructure"
    assert outcome.message == "it did not begin: its flow run is Crashed: no such image"
    assert "this attempt was taken before" in await carry_out(order)
    assert not (tmp_path / "evaluations.log").exists()


async def test_one_that_no_worker_takes_is_given_up_and_withdrawn(order):
    cluster, told = Cluster(works=False), list[str]()
    outcome = await following(order, cluster, start_within=0.2, told=told.append).to_its_end()
    assert "no worker of the hall took it within 0.2s" in outcome.message
    assert "no worker of the hall has taken trial 3 yet" in told[0]
    assert cluster.withdrawn == [KEY]


async def test_one_that_could_not_be_sent_has_failed_unless_it_was_sent_all_the_same(order):
    lost_answer = Cluster(refuses=OSError("the answer was lost"))
    assert isinstance(await following(order, lost_answer).to_its_end(), EvaluationSucceeded)


async def test_one_that_could_not_be_sent_says_why(order):
    outcome = await following(order, Cluster(works=False, refuses=OSError("no route"))).to_its_end()
    assert outcome.message == "it could not be sent to the hall: OSError: no route"


@pytest.mark.slow
async def test_of_one_that_falls_silent_on_another_machine_nobody_knows_how_it_ended(order):
    order = with_pulse(order, beat=0.05, silence=1)
    await from_afar(order)
    outcome = await following(order, Cluster(works=False)).to_its_end()
    assert outcome.lost
    assert outcome.unseen.startswith("it ran on host far-away (w7), for the hall, which has given no sign of life for")


async def test_one_that_falls_silent_and_that_the_cluster_knows_to_be_dead_has_failed(order):
    await from_afar(order)
    outcome = await following(order, Cluster(works=False, says="its flow run is Crashed")).to_its_end()
    assert not outcome.lost
    assert outcome.message == "it left no result on host far-away (w7), for the hall: its flow run is Crashed"


@pytest.mark.slow
async def test_while_it_gives_signs_of_life_the_cluster_is_not_believed(order):
    order = with_pulse(order, beat=1, silence=60)
    await from_afar(order)
    task = asyncio.create_task(following(order, Cluster(works=False, says="its flow run is Crashed")).to_its_end())
    for count in range(40):
        await mailbox(order).replace(BEAT, str(count))
        await asyncio.sleep(order.pulse.beat / 10)
        assert not task.done()
    await mailbox(order).put(OUTCOME, EvaluationSucceeded(metrics={}).model_dump_json())
    assert isinstance(await task, EvaluationSucceeded)


async def test_when_it_is_cancelled_the_evaluation_ends_first(order, tmp_path):
    (tmp_path / "script.py").write_text("import pathlib, time; pathlib.Path('begun').touch(); time.sleep(600)")
    cluster = Cluster()
    task = asyncio.create_task(following(order, cluster).to_its_end())
    while not (tmp_path / "begun").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await cluster.carried_out[0] == "failed (cancelled): stopped by its controller"


class Unreachable(LocalStore):
    """A directory that accepts no more signs of life."""

    def replace(self, key: str, data: bytes) -> None:
        raise LedgerError("ledger: the network is gone")


async def test_an_evaluation_that_cannot_give_signs_of_life_ends_itself(order, tmp_path):
    (tmp_path / "script.py").write_text("import time; time.sleep(600)")
    order = with_pulse(order, beat=0.05, silence=1)
    outcome = await _Evaluation(order, Mailbox(Unreachable(tmp_path), "box/")).run()
    assert isinstance(outcome, EvaluationFailed)
    assert "it could not leave a sign of life in the mailbox" in outcome.message


async def test_a_worker_whose_claim_was_stored_late_evaluates_nothing(order, tmp_path):
    # Its controller may have given it up, and have begun another attempt.
    order = with_pulse(order, beat=0.05, silence=0)
    assert "failed (infrastructure): it did not begin" in await carry_out(order, "worker-1")
    assert not (tmp_path / "evaluations.log").exists()
    assert isinstance(await following(order, Cluster(works=False)).to_its_end(), EvaluationFailed)


async def test_a_command_that_cannot_be_started_on_the_worker_is_an_outcome(order):
    evaluator = order.evaluator.model_copy(update={"command": ("/nowhere/at-all",)})
    outcome = await following(order.model_copy(update={"evaluator": evaluator}), Cluster()).to_its_end()
    assert isinstance(outcome, EvaluationFailed)
    assert "could not be started" in outcome.message


async def test_a_report_that_is_none_does_not_end_what_runs(order):
    heard: list[EvaluationReport] = []
    good = EvaluationReport(step=1, metrics={"loss": Measurement(mean=9.0)}).model_dump_json()
    await mailbox(order).put(f"{REPORTS}000000", f"not a report\n{good}\n{{}}")
    await from_afar(order)
    await mailbox(order).put(OUTCOME, EvaluationSucceeded(metrics={}).model_dump_json())
    assert isinstance(await following(order, Cluster(works=False), heard).to_its_end(), EvaluationSucceeded)
    assert [report.step for report in heard] == [1]


async def test_one_whose_claim_cannot_be_read_is_somebodys_and_its_outcome_is_waited_for(order, tmp_path):
    await mailbox(order).put(CLAIM, "{ torn")
    task = asyncio.create_task(following(order, Cluster()).to_its_end())
    while not await mailbox(order).names() or not task.done():
        await mailbox(order).put(OUTCOME, EvaluationSucceeded(metrics={}).model_dump_json())
        await asyncio.sleep(0.01)
    assert isinstance(await task, EvaluationSucceeded)
    assert not (tmp_path / "evaluations.log").exists()


@pytest.mark.slow
async def test_of_one_whose_claim_cannot_be_read_and_that_is_silent_nobody_knows_how_it_ended(order):
    order = with_pulse(order, beat=0.05, silence=1)
    await mailbox(order).put(CLAIM, "{ torn")
    outcome = await following(order, Cluster(works=False, says="it knows of no such worker")).to_its_end()
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.lost
    assert outcome.unseen.startswith("it ran on host unknown (its claim cannot be read), for the hall, which has given")


async def test_an_outcome_that_cannot_be_read_is_a_failure_in_one_sentence(order):
    await from_afar(order)
    await mailbox(order).put(OUTCOME, "{ torn")
    outcome = await following(order, Cluster(works=False)).to_its_end()
    assert outcome.message == "expected the outcome of an evaluation as `outcome` in the mailbox, found something else"


def with_a_drawn_key(order: Order) -> Order:
    return order.model_copy(update={"request": order.request.model_copy(update={"key": f"{KEY}-0a1b2c"})})


@pytest.mark.parametrize("drawn", [False, True], ids=["a key from before", "a drawn key"])
async def test_an_outcome_that_nobody_has_promised_is_not_believed(order, tmp_path, *, drawn):
    order = with_a_drawn_key(order) if drawn else order
    box = open_mailboxes(order.ledger, "night", Path()).of(order.request.key)
    dropped = EvaluationSucceeded(metrics={"loss": Measurement(mean=-7.0)}).model_dump_json()
    for name in (OUTCOME, f"{OUTCOME}-", f"{OUTCOME}-0123456789abcdef"):
        await box.put(name, dropped)
    told = Following(order, box, Cluster(), "the hall", timedelta(hours=1), lambda report: None)
    outcome = await told.to_its_end()
    assert outcome.metrics["loss"].mean == 0.5
    assert (tmp_path / "evaluations.log").read_text() == "once\n"


async def test_an_outcome_that_was_dropped_for_an_attempt_that_nobody_took_is_not_believed(order):
    await mailbox(order).put(OUTCOME, EvaluationSucceeded(metrics={"loss": Measurement(mean=-7.0)}).model_dump_json())
    cluster = Cluster(works=False, says="its flow run is Crashed")
    outcome = await following(order, cluster).to_its_end()
    assert isinstance(outcome, EvaluationFailed)
    # A later controller, which finds the attempt closed, does not believe it either.
    assert isinstance(await following(order, cluster).to_its_end(), EvaluationFailed)


class Evaluating:
    """A mailbox of an attempt that is taken after `taken` seconds, and has its outcome after `seconds`."""

    def __init__(self, seconds: float, taken: float = 0.0) -> None:
        self.taken, self.seconds, self.looks = taken, seconds, 0

    async def names(self) -> tuple[str, ...]:
        self.looks += 1
        passed = asyncio.get_running_loop().time()
        return (*(CLAIM, BEAT) * (passed >= self.taken), *(OUTCOME,) * (passed >= self.seconds))

    async def get(self, name: str) -> str:
        claim = Claim(mark="afar", host="far-away", pid=7, started="another boot:pid:[1]:5")
        texts = {
            CLAIM: claim.model_dump_json(),
            BEAT: str(asyncio.get_running_loop().time()),
            OUTCOME: EvaluationSucceeded(metrics={}).model_dump_json(),
        }
        return texts[name]


class Telling(Cluster):
    """A Launcher whose cluster reports that a task has ended after so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(works=False)
        self.seconds = seconds

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> "asyncio.Future[None]":
        return asyncio.ensure_future(asyncio.sleep(self.seconds))


def seen_after(order: Order, box: Evaluating, cluster: Cluster) -> float:
    """Return the virtual seconds after which the end is noticed."""

    async def follow() -> float:
        await Following(order, box, cluster, "the hall", timedelta(days=1), lambda report: None).to_its_end()
        return asyncio.get_running_loop().time()

    return run_in_virtual_time(follow())


@pytest.mark.parametrize(("seconds", "late"), [(1, 0.1), (10, 0.2), (100, 2), (3600, 5)])
def test_an_end_is_seen_after_a_fiftieth_of_the_evaluations_time_at_most(order, seconds, late):
    box = Evaluating(seconds)
    assert seconds <= seen_after(order, box, Cluster(works=False)) <= seconds + late
    # The store is read more often the longer an evaluation takes, but not more often than once in five seconds.
    assert box.looks < 300 + seconds / 5


def test_an_end_that_the_cluster_tells_of_is_seen_at_once(order):
    assert seen_after(order, Evaluating(3601.5), Telling(3601.5)) == 3601.5


class Dying(Evaluating):
    """A mailbox of an attempt whose worker dies as soon as it has taken it."""

    async def names(self) -> tuple[str, ...]:
        return tuple(name for name in await super().names() if name == CLAIM)


def test_one_that_waited_long_for_a_worker_that_died_at_once_is_not_waited_for_as_long_again(order):
    order = with_pulse(order, beat=5, silence=60)
    assert 1060 <= seen_after(order, Dying(9999, taken=1000), Cluster(works=False)) <= 1060 + 3 * 5


def test_a_worker_that_is_silent_has_the_time_that_its_evaluation_takes_to_end_before_it_is_given_up(order):
    patient = order.evaluator.model_copy(update={"grace": timedelta(seconds=300)})
    order = with_pulse(order, beat=5, silence=60).model_copy(update={"evaluator": patient})
    assert 360 <= seen_after(order, Dying(9999), Cluster(works=False)) <= 360 + 3 * 5


def test_what_the_cluster_tells_is_not_believed_before_the_mailbox_says_so(order):
    assert 10 <= seen_after(order, Evaluating(10), Telling(2)) <= 10.2
