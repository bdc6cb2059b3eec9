"""What a new controller does about attempts that were sent elsewhere, while the ledger's store has its own troubles."""

import sys
from pathlib import Path

import pytest

from campaign import EvaluationRequest, EvaluationSucceeded, Measurement
from campaign.errors import LedgerError
from evaluators import CommandEvaluator
from flows.clusters.here import Here
from flows.clusters.on_pool import OnPool
from flows.clusters.order import CLAIM, OUTCOME, SENT, Claim, Order, Pulse
from flows.clusters.resources import Resources
from flows.clusters.sent import SentEvaluator
from storage import LocalStore, Mailboxes

KEY = "night-1a2b/3/1"
POOL = OnPool(pool="gpus")


class Hiccups(LocalStore):
    """A folder that fails the first so many requests for an object."""

    def __init__(self, folder: Path, failing: int) -> None:
        super().__init__(folder)
        self.failing = failing

    def get(self, key: str) -> bytes:
        if self.failing:
            self.failing -= 1
            raise LedgerError(f"ledger: cannot read `{key}`: no answer")
        return super().get(key)


class Silent:
    """A Launcher whose cluster does nothing and says nothing."""

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        pass

    async def ended(self, key: str, worker: str) -> str | None:
        return None

    async def withdraw(self, key: str) -> None:
        pass

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("place", [POOL, Here()], ids=["now-sent-elsewhere", "now-here"])
async def test_a_store_that_gives_no_answer_for_a_moment_is_no_end_of_an_attempt_that_runs_elsewhere(tmp_path, place):
    mailboxes = Mailboxes(LocalStore(tmp_path / "ledger"), "night/")
    await mailboxes.of(KEY).put(SENT, POOL.model_dump_json())
    await mailboxes.of(KEY).put(CLAIM, Claim(mark="1", host="far", pid=1, started="x").model_dump_json())
    outcome = EvaluationSucceeded(metrics={"loss": Measurement(mean=0.5)})
    await mailboxes.of(KEY).put(OUTCOME, outcome.model_dump_json())
    sent = SentEvaluator(
        evaluator=CommandEvaluator(command=(sys.executable, "-c", "raise SystemExit('evaluated again')")),
        place=place,
        resources=Resources(),
        ledger=str(tmp_path / "ledger"),
        work=str(tmp_path / "work"),
        mailboxes=Mailboxes(Hiccups(tmp_path / "ledger", failing=2), "night/"),
        pulse=Pulse(beat=0.01),
        launchers={POOL: Silent()},
    )
    request = EvaluationRequest(
        campaign="night", trial=3, attempt=1, key=KEY, parameters={"x": 0.1}, seed=1, expected_metrics=("loss",)
    )
    assert await sent.recover(request, tmp_path / "work" / KEY, lambda report: None) == outcome
