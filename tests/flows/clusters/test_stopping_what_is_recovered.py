"""An attempt of an earlier controller can be stopped before the next controller has located it."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from overnight.campaign import EvaluationFailed, EvaluationRequest
from overnight.evaluators import CommandEvaluator
from overnight.flows.clusters.order import SENT, Order, Pulse
from overnight.flows.clusters.places.here import Here
from overnight.flows.clusters.places.on_pool import OnPool
from overnight.flows.clusters.resources import Resources
from overnight.flows.clusters.sent import SentEvaluator
from overnight.flows.clusters.worker import carry_out
from overnight.storage import open_mailboxes

KEY = "night-1a2b/3/1"
REQUEST = EvaluationRequest(
    campaign="night",
    trial=3,
    attempt=1,
    key=KEY,
    parameters={"x": 0.1},
    seed=1,
    expected_metrics=("loss",),
    objective="loss",
)
POOL = OnPool(pool="gpus")
PATIENT = "import pathlib, time; pathlib.Path('begun').touch(); time.sleep(600)"


class Deaf:
    """A Launcher whose cluster neither starts nor ends anything."""

    def __init__(self) -> None:
        self.launched: list[str] = []

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        self.launched.append(order.request.key)

    async def ended(self, key: str, worker: str) -> str | None:
        return None

    async def withdraw(self, key: str) -> None:
        pass

    async def close(self) -> None:
        pass


def sent_from(folder: Path, place: Here | OnPool, cluster: Deaf) -> SentEvaluator:
    grace = timedelta(seconds=0.1)
    return SentEvaluator(
        evaluator=CommandEvaluator(command=(sys.executable, "-c", PATIENT), folder=folder, grace=grace),
        place=place,
        resources=Resources(),
        ledger=str(folder / "ledger"),
        work=str(folder / "work"),
        mailboxes=open_mailboxes(str(folder / "ledger"), "night", Path()),
        pulse=Pulse(beat=0.05),
        launchers={POOL: cluster},
    )


async def begun(folder: Path) -> None:
    while not (folder / "begun").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)


async def recover_and_stop_at_once(sent: SentEvaluator, folder: Path) -> None:
    recovering = asyncio.create_task(sent.recover(REQUEST, folder / "work" / KEY, lambda report: None))
    await asyncio.sleep(0)
    recovering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await recovering


async def test_what_runs_elsewhere_is_ended_and_not_sent_again(tmp_path):
    cluster = Deaf()
    sent = sent_from(tmp_path, POOL, cluster)
    await sent.mailboxes.of(KEY).put(SENT, POOL.model_dump_json())
    order = Order(ledger=sent.ledger, work=sent.work, evaluator=sent.evaluator, request=REQUEST, pulse=sent.pulse)
    worker = asyncio.create_task(carry_out(order))
    await begun(tmp_path)
    await recover_and_stop_at_once(sent, tmp_path)
    assert await worker == "failed (cancelled): stopped by its controller"
    assert cluster.launched == []


async def test_what_waits_elsewhere_will_never_begin(tmp_path):
    sent = sent_from(tmp_path, POOL, Deaf())
    await sent.mailboxes.of(KEY).put(SENT, POOL.model_dump_json())
    order = Order(ledger=sent.ledger, work=sent.work, evaluator=sent.evaluator, request=REQUEST, pulse=sent.pulse)
    await recover_and_stop_at_once(sent, tmp_path)
    assert await carry_out(order) == "this attempt was taken before, so nothing was evaluated"


async def test_what_runs_here_is_ended(tmp_path):
    sent = sent_from(tmp_path, Here(), Deaf())
    running = asyncio.create_task(sent.evaluate(REQUEST, tmp_path / "work" / KEY, lambda report: None))
    await begun(tmp_path)
    await recover_and_stop_at_once(sent, tmp_path)
    outcome = await running
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "cancelled"
