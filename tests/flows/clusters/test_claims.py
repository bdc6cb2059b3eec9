"""The claims of an attempt: one worker has it, and only a later run of the same job may follow an earlier one."""

import asyncio
import json
import os
from collections.abc import Coroutine
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from benchmarks.virtual_time import run_in_virtual_time
from overnight.campaign import EvaluationFailed, EvaluationRequest, EvaluationSucceeded
from overnight.evaluators import CommandEvaluator
from overnight.flows.clusters.claims import claim_name, newest_number, take
from overnight.flows.clusters.following import Following
from overnight.flows.clusters.order import BEAT, CLAIM, STOP, Claim, Order, Pulse, left_name, outcome_name
from overnight.flows.clusters.worker import JobRun, attempt_folder, carry_out, own_claim
from overnight.storage import Mailbox, open_mailboxes

KEY = "night-1a2b/3/1-abcdef"
# It stops for ever in its first run, and finds then what it left among its artifacts.
SCRIPT = """
printf '{"step": 1, "metrics": {"loss": 9}}\\n' >> $EVAL_REPORTS
if [ -e $EVAL_ARTIFACTS/checkpoint ]; then echo '{"metrics": {"loss": 0.5}}' > $EVAL_RESULT; exit 0; fi
echo half > $EVAL_ARTIFACTS/checkpoint
exec sleep 600
"""


@pytest.fixture
def order(tmp_path: Path) -> Order:
    (tmp_path / "script.sh").write_text(SCRIPT)
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
    evaluator = CommandEvaluator(command=("sh", "script.sh"), folder=tmp_path, grace=timedelta(seconds=0.1))
    return Order(
        ledger=str(tmp_path / "ledger"),
        work=str(tmp_path / "work"),
        evaluator=evaluator,
        request=request,
        pulse=Pulse(beat=0.05, silence=60),
    )


def mailbox(order: Order) -> Mailbox:
    return open_mailboxes(order.ledger, "night", Path()).of(KEY)


class Memory:
    """A Mailbox in memory, which needs no thread, and therefore no time."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    async def put(self, name: str, text: str) -> bool:
        return self.texts.setdefault(name, text) == text

    async def replace(self, name: str, text: str) -> None:
        self.texts[name] = text

    async def get(self, name: str) -> str | None:
        return self.texts.get(name)

    async def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.texts))


@pytest.fixture
def box() -> Memory:
    return Memory()


def in_virtual_time(test: Any) -> Any:
    """Let a test pass its hours in an instant."""

    @wraps(test)
    def run(**fixtures: Any) -> None:
        course: Coroutine[Any, Any, None] = test(**fixtures)
        run_in_virtual_time(course)

    return run


def run_of(number: int | None, worker: str = "7_0", mark: str = "") -> Claim:
    """Return the claim of a process that cannot be seen from here."""
    return Claim(
        mark=mark or f"run-{number}",
        host="far",
        pid=7,
        started="other:1:5",
        worker=worker,
        run=number,
        marks_outcome=True,
    )


@in_virtual_time
async def test_a_later_run_of_the_same_job_follows_one_that_has_left(box, order):
    first = run_of(0)
    assert await take(box, first, order) == 0
    await box.put(left_name(first), "")
    assert await take(box, run_of(1), order) == 1
    assert newest_number(await box.names()) == 1


@pytest.mark.parametrize(
    "other",
    [run_of(2, worker="7_1"), run_of(0, mark="before"), run_of(None, mark="no job"), run_of(2, worker="")],
    ids=["another job", "an earlier run", "a worker that is no job", "a job without a name"],
)
@in_virtual_time
async def test_nobody_else_follows_it(box, order, other):
    first = run_of(1)
    await take(box, first, order)
    await box.put(left_name(first), "")
    assert await take(box, other, order) is None
    assert newest_number(await box.names()) == 0


@in_virtual_time
async def test_one_that_has_not_left_is_followed_only_once_it_has_been_silent_for_long(box, order):
    await take(box, run_of(0), order)
    following = asyncio.create_task(take(box, run_of(1), order))
    for beat in range(20):
        await box.replace(BEAT, str(beat))
        await asyncio.sleep(order.pulse.silence / 10)
        assert not following.done()
    assert await following == 1


@in_virtual_time
async def test_a_job_that_its_cluster_started_again_without_counting_follows_its_first_run_in_time(box, order):
    await take(box, run_of(0), order)
    queue = Queue()
    queue.returning = False
    followed = asyncio.create_task(following(box, order, queue).to_its_end())
    await asyncio.sleep(order.pulse.silence / 2)
    again = run_of(0, mark="again")
    assert await take(box, again, order) == 1
    await box.put(outcome_name(again), EvaluationSucceeded(metrics={}).model_dump_json())
    assert isinstance(await followed, EvaluationSucceeded)


@in_virtual_time
async def test_a_run_whose_outcome_is_stored_is_not_followed(box, order):
    first = run_of(0)
    await take(box, first, order)
    await box.put(outcome_name(first), EvaluationSucceeded(metrics={}).model_dump_json())
    assert await take(box, run_of(1), order) is None


@pytest.mark.parametrize("name", [claim_name(1), STOP])
@in_virtual_time
async def test_one_that_its_controller_has_given_up_or_stopped_is_not_followed(box, order, name):
    first = run_of(0)
    await take(box, first, order)
    await box.put(left_name(first), "")
    await box.put(name, Claim(mark="closed", reason="given up").model_dump_json())
    assert await take(box, run_of(1), order) is None


async def interrupted(order: Order, folder: Path) -> str:
    """Carry out the order, and interrupt the job once its evaluation has reported."""
    job = JobRun(0, folder / "job.txt")
    running = asyncio.create_task(carry_out(order, "7_0", job))
    while not any(name.startswith("reports-") for name in await mailbox(order).names()):  # noqa: ASYNC110 - by a thread
        await asyncio.sleep(0.01)
    job.interrupted.set()
    return await running


async def test_an_interrupted_job_leaves_no_outcome_and_its_next_run_has_the_key_and_the_artifacts(order, tmp_path):
    assert await interrupted(order, tmp_path) == "interrupted by the cluster"
    box = mailbox(order)
    assert [name for name in await box.names() if name.startswith("outcome")] == []
    assert await carry_out(order, "7_0", JobRun(1, tmp_path / "job.txt")) == "loss 0.5"
    folder = attempt_folder(order)
    assert (folder / "artifacts" / "checkpoint").read_text() == "half\n"
    for request in (folder / "run-0" / "request.json", folder / "request.json"):
        assert json.loads(request.read_text())["key"] == KEY
    assert os.readlink(folder / "job.log") == str(tmp_path / "job.txt")
    reports = [name for name in await box.names() if name.startswith("reports-")]
    assert [(await box.get(name) or "").count("step") for name in reports] == [1, 1]


async def test_what_a_run_had_measured_before_it_died_is_not_measured_again(order, tmp_path):
    (tmp_path / "script.sh").write_text('echo once >> began; echo \'{"metrics": {"loss": 0.25}}\' > $EVAL_RESULT')
    # It dies after its evaluation, and before it has stored the outcome in the mailbox.
    await order.evaluator.evaluate(order.request, attempt_folder(order), lambda report: None)
    dead = own_claim("7_0", 0).model_copy(update={"pid": 2**22 + 1})
    await mailbox(order).put(CLAIM, dead.model_dump_json())
    assert await carry_out(order, "7_0", JobRun(1, tmp_path / "job.txt")) == "loss 0.25"
    assert (tmp_path / "began").read_text() == "once\n"


async def test_a_run_whose_process_has_died_is_followed_without_the_long_wait(order):
    box = mailbox(order)
    dead = own_claim("7_0", 0).model_copy(update={"pid": 2**22 + 1})
    await box.put(CLAIM, dead.model_dump_json())
    assert await take(box, own_claim("7_0", 1), order) == 1


class Queue:
    """A Launcher of a cluster that starts nothing; the test decides whether a job comes back, and how it ended."""

    def __init__(self) -> None:
        self.returning, self.says = True, None

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        pass

    async def ended(self, key: str, worker: str) -> str | None:
        return self.says

    async def returns(self, key: str, claim: Claim) -> bool:
        return self.returning

    async def withdraw(self, key: str) -> None:
        pass

    async def close(self) -> None:
        pass


def following(box: Memory, order: Order, queue: Queue) -> Following:
    return Following(order, box, queue, "the hall", timedelta(hours=1), print)


async def until_followed(box: Memory, order: Order, queue: Queue) -> "asyncio.Task[object]":
    """Follow an attempt whose job has left, for longer than a silent one is followed."""
    task = asyncio.create_task(following(box, order, queue).to_its_end())
    await asyncio.sleep(3 * order.pulse.silence)
    assert not task.done()
    return task


async def left(box: Memory, order: Order) -> None:
    await take(box, run_of(0), order)
    await box.put(left_name(run_of(0)), "")


@in_virtual_time
async def test_an_attempt_whose_job_is_in_the_queue_again_is_followed_until_the_job_has_run(box, order):
    await left(box, order)
    task = await until_followed(box, order, Queue())
    again = run_of(1)
    assert await take(box, again, order) == 1
    await box.put(outcome_name(again), EvaluationSucceeded(metrics={}).model_dump_json())
    assert isinstance(await task, EvaluationSucceeded)


@in_virtual_time
async def test_an_attempt_whose_job_was_cancelled_has_failed_and_can_not_be_begun_again(box, order):
    await left(box, order)
    queue = Queue()
    queue.returning, queue.says = False, "its job 7_0 ended as CANCELLED"
    outcome = await following(box, order, queue).to_its_end()
    assert isinstance(outcome, EvaluationFailed)
    assert (outcome.cause, outcome.lost) == ("infrastructure", False)
    assert outcome.message == "it left no result on host far (7_0), for the hall: its job 7_0 ended as CANCELLED"
    assert await take(box, run_of(1), order) is None


@in_virtual_time
async def test_one_that_falls_silent_may_still_run_and_the_next_controller_is_told_so(box, order):
    await take(box, run_of(0), order)
    queue = Queue()
    queue.returning = False
    outcome = await following(box, order, queue).to_its_end()
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.unseen is not None
    assert await following(box, order, queue).to_its_end() == outcome
    assert await take(box, run_of(1), order) is None


@in_virtual_time
async def test_one_that_waits_to_be_begun_again_is_stopped_at_once(box, order):
    await left(box, order)
    task = await until_followed(box, order, Queue())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await take(box, run_of(1), order) is None
