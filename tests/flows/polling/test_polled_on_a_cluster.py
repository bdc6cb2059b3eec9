"""Evaluations that go on and are started, looked at and ended by workers of a cluster."""

import asyncio
from pathlib import Path

from attempts import until

from overnight.campaign import EvaluationRequest, EvaluationSucceeded
from overnight.campaign.evaluation import EvaluationPlaced
from overnight.evaluators import PythonEvaluator
from overnight.evaluators.evaluator import TRIAL_IS_OVER
from overnight.evaluators.ongoing.polling import Polling
from overnight.flows.clusters.order import Order, Pulse
from overnight.flows.clusters.places.on_pool import OnPool
from overnight.flows.clusters.resources import Resources
from overnight.flows.clusters.sent import SentEvaluator
from overnight.flows.clusters.worker import carry_out
from overnight.flows.host.clock import SystemClock
from overnight.flows.polling.polled import Polled
from overnight.storage import LocalStore, Mailboxes

POOL = OnPool(pool="gpus")
FUNCTION = """
from overnight import Running

def note(what):
    with open("experiment", "a") as file:
        file.write(what + "\\n")

def evaluate(parameters, handle, look, cancel):
    note("started" if handle is None else f"ended {handle}" if cancel else f"look {look} at {handle}")
    if cancel:
        return None
    return {"loss": 1.5} if look == 2 else Running("exp-17", again_in=parameters["pause"])
"""
REQUEST = EvaluationRequest(
    campaign="night",
    trial=3,
    attempt=1,
    key="night-1a2b/3/1-c0ffee",
    parameters={"pause": 0.0},
    seed=1,
    expected_metrics=("loss",),
    objective="loss",
)


class Here:
    """A Launcher whose worker is this process."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[str]] = []

    async def launch(self, order: Order, avoid: tuple[str, ...]) -> None:
        self.tasks.append(asyncio.create_task(carry_out(order)))

    async def ended(self, key: str, worker: str) -> str | None:
        return None

    async def withdraw(self, key: str) -> None:
        pass

    async def close(self) -> None:
        pass


def polled(folder: Path) -> Polled:
    (folder / "objective.py").write_text(FUNCTION)
    sent = SentEvaluator(
        evaluator=PythonEvaluator(function="objective:evaluate", folder=folder),
        place=POOL,
        resources=Resources(),
        ledger=str(folder / "ledger"),
        work=str(folder / "work"),
        mailboxes=Mailboxes(LocalStore(folder / "ledger"), "night/"),
        pulse=Pulse(beat=0.05, silence=20),
        launchers={POOL: Here()},
    )
    return Polled(sent, Polling(), SystemClock())


def noted(folder: Path) -> list[str]:
    return (folder / "experiment").read_text().splitlines()


async def test_workers_start_an_experiment_once_and_look_at_it_under_keys_of_their_own(tmp_path):
    heard = []
    outcome = await polled(tmp_path).evaluate(REQUEST, Path("unused"), heard.append)
    assert isinstance(outcome, EvaluationSucceeded)
    assert heard == [EvaluationPlaced(handle="exp-17")]
    assert noted(tmp_path) == ["started", "look 1 at exp-17", "look 2 at exp-17"]
    # Another controller that knows no handle finds the experiment in the mailbox of the start.
    again = await polled(tmp_path).recover(REQUEST, Path("unused"), heard.append)
    assert isinstance(again, EvaluationSucceeded)
    assert noted(tmp_path)[3:] == ["look 1 at exp-17", "look 2 at exp-17"]


async def test_a_worker_ends_the_experiment_of_a_trial_that_is_over(tmp_path):
    heard = []
    request = REQUEST.model_copy(update={"parameters": {"pause": 1000.0}})
    task = asyncio.create_task(polled(tmp_path).evaluate(request, Path("unused"), heard.append))
    await until(lambda: bool(heard))
    task.cancel(TRIAL_IS_OVER)
    assert (await task).cause == "cancelled"
    assert noted(tmp_path) == ["started", "ended exp-17"]
