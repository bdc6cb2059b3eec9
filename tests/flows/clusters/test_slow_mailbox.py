"""Attempts elsewhere while the store of their mailbox answers late, or not at all for a moment."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.virtual_time import run_in_virtual_time
from overnight.campaign import EvaluationRequest, EvaluationSucceeded
from overnight.campaign.errors import LedgerError
from overnight.evaluators import CommandEvaluator
from overnight.flows.clusters.following import Following
from overnight.flows.clusters.order import BEAT, CLAIM, STOP, Claim, Order, Pulse, outcome_name

WORKER = Claim(mark="afar", host="far", pid=7, started="other:1:5", worker="w7", marks_outcome=True)


@pytest.fixture
def order(tmp_path: Path) -> Order:
    request = EvaluationRequest(
        campaign="night",
        trial=3,
        attempt=1,
        key="night-1a2b/3/1-abcdef",
        parameters={"x": 0.1},
        seed=1,
        expected_metrics=("loss",),
        objective="loss",
    )
    evaluator = CommandEvaluator(command=("true",), folder=tmp_path, grace=timedelta(seconds=0.1))
    work, pulse = str(tmp_path / "work"), Pulse(beat=5, silence=60)
    return Order(ledger=str(tmp_path / "ledger"), work=work, evaluator=evaluator, request=request, pulse=pulse)


class Slow:
    """A Mailbox in memory that answers a read of the signs of life after `late` seconds, and refuses some puts."""

    def __init__(self, late: float = 0.0, refused: int = 0) -> None:
        self.texts: dict[str, str] = {}
        self.late, self.refused = late, refused

    async def put(self, name: str, text: str) -> bool:
        if self.refused > 0:
            self.refused -= 1
            raise LedgerError("ledger: the network is gone")
        return self.texts.setdefault(name, text) == text

    async def get(self, name: str) -> str | None:
        if name == BEAT:
            await asyncio.sleep(self.late)
        return self.texts.get(name)

    async def names(self) -> tuple[str, ...]:
        return tuple(sorted(self.texts))


class Cluster:
    """A Launcher of a cluster that starts nothing and reports nothing."""

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        pass

    async def ended(self, key: str, worker: str) -> str | None:
        return None

    async def returns(self, key: str, claim: Claim) -> bool:
        return False

    async def withdraw(self, key: str) -> None:
        pass

    async def close(self) -> None:
        pass


def following(box: Any, order: Order) -> Following:
    return Following(order, box, Cluster(), "the hall", timedelta(hours=1), lambda report: None)


def test_a_sign_of_life_that_was_read_slowly_is_no_silence(order):
    async def course() -> object:
        box = Slow(late=2 * order.pulse.silence)
        box.texts = {CLAIM: WORKER.model_dump_json(), BEAT: "1"}
        followed = asyncio.create_task(following(box, order).to_its_end())
        for beat in range(60):
            box.texts[BEAT] = str(beat)
            await asyncio.sleep(order.pulse.beat)
        box.texts[outcome_name(WORKER)] = EvaluationSucceeded(metrics={}).model_dump_json()
        return await followed

    assert isinstance(run_in_virtual_time(course()), EvaluationSucceeded)


@pytest.mark.parametrize("run", [None, 0], ids=["no job", "a job"])
def test_an_outcome_that_is_stored_just_before_its_worker_ends_counts(order, run):
    claim = WORKER.model_copy(update={"run": run})

    class Ended(Cluster):
        async def ended(self, key: str, worker: str) -> str | None:
            box.texts[outcome_name(claim)] = EvaluationSucceeded(metrics={}).model_dump_json()
            return "it has ended"

        async def returns(self, key: str, claim: Claim) -> bool:
            return False

    box = Slow()
    box.texts = {CLAIM: claim.model_dump_json(), BEAT: "1"}

    async def course() -> object:
        return await Following(order, box, Ended(), "the hall", timedelta(hours=1), lambda report: None).to_its_end()

    assert isinstance(run_in_virtual_time(course()), EvaluationSucceeded)


@pytest.mark.parametrize("begun", [False, True])
def test_an_attempt_is_stopped_even_if_the_store_refuses_at_first(order, begun):
    async def course() -> Slow:
        box = Slow(refused=2)
        followed = asyncio.create_task(following(box, order).to_its_end())
        await asyncio.sleep(1)
        if begun:
            box.texts[CLAIM] = WORKER.model_dump_json()
        followed.cancel()
        await asyncio.wait({followed}, timeout=2 * order.pulse.silence)
        assert followed.cancelled()
        return box

    box = run_in_virtual_time(course())
    assert (STOP in box.texts) if begun else (Claim.model_validate_json(box.texts[CLAIM]).host is None)


def test_a_store_that_never_answers_does_not_keep_a_controller_from_ending(order):
    async def course() -> float:
        followed = asyncio.create_task(following(Slow(refused=10_000), order).to_its_end())
        await asyncio.sleep(1)
        followed.cancel()
        await asyncio.wait({followed})
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(course()) <= 2 * order.pulse.silence
