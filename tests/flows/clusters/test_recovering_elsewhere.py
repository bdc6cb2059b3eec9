"""A new controller recovers attempts that were sent elsewhere, even if the store of the ledger has problems."""

import sys
from pathlib import Path

import pytest

from overnight.campaign import (
    EvaluationFailed,
    EvaluationOutcome,
    EvaluationRequest,
    EvaluationSucceeded,
    Measurement,
)
from overnight.campaign.errors import LedgerError
from overnight.evaluators import CommandEvaluator
from overnight.flows.clusters.order import CLAIM, OUTCOME, SENT, Claim, Order, Pulse
from overnight.flows.clusters.places.any_place import AnyPlace
from overnight.flows.clusters.places.here import Here
from overnight.flows.clusters.places.on_pool import OnPool
from overnight.flows.clusters.resources import Resources
from overnight.flows.clusters.sent import SentEvaluator
from overnight.storage import LocalStore, Mailboxes

KEY = "night-1a2b/3/1"
POOL = OnPool(pool="gpus")


class Hiccups(LocalStore):
    """A folder that fails the first requests for an object."""

    def __init__(self, folder: Path, failing: int) -> None:
        super().__init__(folder)
        self.failing = failing

    def get(self, key: str) -> bytes:
        if self.failing:
            self.failing -= 1
            raise LedgerError(f"ledger: cannot read `{key}`: no answer")
        return super().get(key)


class Silent:
    """A Launcher whose cluster does nothing and reports nothing."""

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        pass

    async def ended(self, key: str, worker: str) -> str | None:
        return None

    async def withdraw(self, key: str) -> None:
        pass

    async def close(self) -> None:
        pass


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
CLAIMED = Claim(mark="1", host="far", pid=1, started="x").model_dump_json()
OBSERVED = EvaluationSucceeded(metrics={"loss": Measurement(mean=0.5)})


def sent_evaluator(folder: Path, place: AnyPlace = POOL, failing: int = 0) -> SentEvaluator:
    return SentEvaluator(
        evaluator=CommandEvaluator(command=(sys.executable, "-c", "raise SystemExit('evaluated again')")),
        place=place,
        resources=Resources(),
        ledger=str(folder / "ledger"),
        work=str(folder / "work"),
        mailboxes=Mailboxes(Hiccups(folder / "ledger", failing=failing), "night/"),
        pulse=Pulse(beat=0.01),
        launchers={POOL: Silent()},
    )


async def recovered(sent: SentEvaluator, folder: Path) -> EvaluationOutcome | None:
    return await sent.recover(REQUEST, folder / "work" / KEY, lambda report: None)


@pytest.mark.parametrize("place", [POOL, Here()], ids=["now-sent-elsewhere", "now-here"])
async def test_a_store_that_gives_no_answer_for_a_moment_is_no_end_of_an_attempt_that_runs_elsewhere(tmp_path, place):
    box = Mailboxes(LocalStore(tmp_path / "ledger"), "night/").of(KEY)
    await box.put(SENT, POOL.model_dump_json())
    await box.put(CLAIM, CLAIMED)
    await box.put(OUTCOME, OBSERVED.model_dump_json())
    assert await recovered(sent_evaluator(tmp_path, place, failing=2), tmp_path) == OBSERVED


async def test_what_was_sent_nobody_knows_where_is_followed_by_its_mailbox(tmp_path):
    box = Mailboxes(LocalStore(tmp_path / "ledger"), "night/").of(KEY)
    await box.put(SENT, "{ torn")
    await box.put(CLAIM, CLAIMED)
    await box.put(OUTCOME, OBSERVED.model_dump_json())
    assert await recovered(sent_evaluator(tmp_path), tmp_path) == OBSERVED


async def test_what_was_sent_nobody_knows_where_and_has_not_begun_never_will(tmp_path):
    box = Mailboxes(LocalStore(tmp_path / "ledger"), "night/").of(KEY)
    await box.put(SENT, "{ torn")
    outcome = await recovered(sent_evaluator(tmp_path), tmp_path)
    assert isinstance(outcome, EvaluationFailed)
    assert outcome.cause == "infrastructure"
    assert outcome.message.endswith("`sent` in the mailbox cannot be read")
    assert not outcome.lost
    assert not await box.put(CLAIM, CLAIMED)


async def test_a_claim_of_an_earlier_attempt_that_cannot_be_read_names_no_worker_to_avoid(tmp_path):
    sent = sent_evaluator(tmp_path)
    await sent.mailboxes.of(KEY).put(CLAIM, "{ torn")
    second = REQUEST.model_copy(update={"attempt": 2, "key": KEY.removesuffix("1") + "2"})
    await sent.mailboxes.of(second.key).put(CLAIM, CLAIMED)
    await sent.mailboxes.of(second.key).put(OUTCOME, OBSERVED.model_dump_json())
    assert await sent.evaluate(second, tmp_path / "work", lambda report: None) == OBSERVED
