"""The result of an evaluation gives the same outcome here, elsewhere, and when it is read from the ledger."""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from overnight.campaign import EvaluationFailed, EvaluationOutcome, EvaluationRequest, EvaluationSucceeded
from overnight.campaign.history.events import TrialObserved
from overnight.evaluators import CommandEvaluator
from overnight.flows.clusters.following import Following
from overnight.flows.clusters.order import Order, Pulse
from overnight.flows.clusters.worker import carry_out, transmissible
from overnight.storage import open_ledger, open_mailboxes

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
SCRIPT = "import os, shutil; shutil.copy('written.json', os.environ['EVAL_RESULT'])"
HALF = "\ud800"


class Cluster:
    """A Launcher that carries out orders in the test's own event loop."""

    def __init__(self) -> None:
        self.carried_out: list[asyncio.Task[str]] = []

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        self.carried_out.append(asyncio.create_task(carry_out(order)))

    async def ended(self, key: str, worker: str) -> str | None:
        return None

    async def withdraw(self, key: str) -> None:
        pass

    async def close(self) -> None:
        pass


def order_in(folder: Path, result: str) -> Order:
    (folder / "written.json").write_text(result)
    evaluator = CommandEvaluator(command=(sys.executable, "-c", SCRIPT), folder=folder)
    ledger, work = str(folder / "ledger"), str(folder / "work")
    return Order(ledger=ledger, work=work, evaluator=evaluator, request=REQUEST, pulse=Pulse(beat=0.05))


async def elsewhere(order: Order) -> EvaluationOutcome:
    box = open_mailboxes(order.ledger, "night", Path()).of(KEY)
    longest = order.evaluator.time_limit
    return await Following(order, box, Cluster(), "the hall", longest, lambda report: None).to_its_end()


async def from_the_ledger(folder: Path, outcome: EvaluationSucceeded) -> EvaluationSucceeded:
    found = {name: getattr(outcome, name) for name in ("metrics", "seconds", "cost", "artifacts", "metadata")}
    observed = TrialObserved(time=datetime.now(UTC), actor="controller", trial=3, attempt=1, **found)
    await open_ledger(str(folder / "ledger"), "night", Path()).append([observed], after=0)
    [segment] = await open_ledger(str(folder / "ledger"), "night", Path()).read()
    [read] = segment.events
    return EvaluationSucceeded(**{name: getattr(read, name) for name in found})


def nested(levels: int) -> str:
    return '{"metrics": {"loss": 1}, "metadata": {"tree": ' + "[" * levels + "]" * levels + "}}"


async def test_half_a_character_takes_nothing_else_from_a_result(tmp_path):
    said = {"metrics": {"loss": 1}, "artifacts": [f"{HALF}.log"], "metadata": {f"{HALF}k": [{"v": f"a{HALF}"}]}}
    order = order_in(tmp_path, json.dumps(said))
    here = await order.evaluator.evaluate(REQUEST, tmp_path / "here", lambda report: None)
    there = await elsewhere(order)
    assert isinstance(there, EvaluationSucceeded)
    assert isinstance(here, EvaluationSucceeded)
    assert there.artifacts == here.artifacts == ("?.log",)
    assert there.metadata == here.metadata == {"?k": [{"v": "a?"}]}
    assert await from_the_ledger(tmp_path, here) == here


@pytest.mark.parametrize("said", ["NaN", "1e400", "-Infinity", "1" + 400 * "0", '"\\u0000"'])
async def test_numbers_and_texts_that_not_everybody_can_read_come_back_as_they_were(tmp_path, said):
    order = order_in(tmp_path, '{"metrics": {"loss": 1}, "metadata": {"said": ' + said + "}}")
    here = await order.evaluator.evaluate(REQUEST, tmp_path / "here", lambda report: None)
    there = await elsewhere(order)
    assert isinstance(there, EvaluationSucceeded)
    assert isinstance(here, EvaluationSucceeded)
    assert repr(there.metadata) == repr(here.metadata) == repr((await from_the_ledger(tmp_path, here)).metadata)


@pytest.mark.parametrize("levels", [200, 300, 600, 900])
async def test_metadata_too_deep_to_be_read_again_is_noted_and_costs_nothing_else(tmp_path, levels):
    order = order_in(tmp_path, nested(levels))
    for outcome in (
        await order.evaluator.evaluate(REQUEST, tmp_path / "here", lambda report: None),
        await elsewhere(order),
    ):
        assert isinstance(outcome, EvaluationSucceeded)
        assert outcome.metadata == {}
        assert "`metadata`" in outcome.notes[0]


async def test_metadata_as_deep_as_may_be_is_read_from_the_ledger(tmp_path):
    order = order_in(tmp_path, nested(99))
    there = await elsewhere(order)
    assert isinstance(there, EvaluationSucceeded)
    assert await from_the_ledger(tmp_path, there) == there


@pytest.mark.parametrize("said", ['{"loss": 1, "p99": NaN}', '{"loss": NaN, "p99": 40, "cost": 2}'])
async def test_a_metric_that_is_missing_costs_no_other_one_here_and_elsewhere(tmp_path, said):
    asked = REQUEST.model_copy(update={"expected_metrics": ("loss", "p99"), "optional_metrics": ("p99",)})
    order = order_in(tmp_path, said).model_copy(update={"request": asked})
    here = await order.evaluator.evaluate(asked, tmp_path / "here", lambda report: None)
    there = await elsewhere(order)
    assert there.model_copy(update={"seconds": here.seconds}) == here
    assert len(here.metrics) == 1
    assert isinstance(here, EvaluationSucceeded) == ("loss" in here.metrics)


def test_an_outcome_that_cannot_be_written_is_one_that_says_so():
    unwritable = EvaluationSucceeded(metrics={}, seconds=3.0).model_copy(update={"metadata": {"half": HALF}})
    outcome = transmissible(unwritable)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "invalid_result"
    assert outcome.seconds == 3.0
    assert "could not be recorded" in outcome.message


def test_an_outcome_that_can_be_written_is_told_as_it_is():
    outcome = EvaluationSucceeded(metrics={}, metadata={"a": [1, None, "ü"]}, artifacts=("a.log",))
    assert transmissible(outcome) == outcome
