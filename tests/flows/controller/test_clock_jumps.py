"""Clocks that are set forward and back while a campaign runs: the ledger's order decides, and nothing is lost."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from read_ledgers import events_of
from scripted_campaign import ScriptedEvaluator, a_campaign

from overnight.bo_core import BayesianProposer
from overnight.campaign import Campaign, History
from overnight.campaign.errors import CampaignHeld
from overnight.campaign.history.events import Event, LeaseTaken, TrialProposed
from overnight.flows.commands.read.past import known
from overnight.flows.controller.job import Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.plain_steps import PlainSteps
from overnight.flows.host.clock import Clock, SystemClock
from overnight.flows.host.stop import StopRequest
from overnight.flows.replay.again import replay
from overnight.flows.session.anchored_ledger import AnchoredLedger, AnchorPlan
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import Rhythm, take_lease
from overnight.storage import LocalStore, ParquetLedger, verify

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class JumpingClock:
    """A clock that advances by a second at each look, and jumps to another time now and then."""

    def __init__(self, time: datetime = NOON, jumps: Callable[[], timedelta] = timedelta) -> None:
        self.time = time
        self.jumps = jumps

    def now(self) -> datetime:
        self.time += timedelta(seconds=1) + self.jumps()
        return self.time

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def now_and_then(seed: int) -> Callable[[], timedelta]:
    """Return random jumps of an hour or a day, forward or back; most looks have no jump."""
    dice = random.Random(seed)
    return lambda: dice.choice([-HOUR, DAY, HOUR, -DAY]) if dice.random() < 0.3 else timedelta()


async def run(
    campaign: Campaign,
    evaluator: ScriptedEvaluator,
    folder: Path,
    clock: JumpingClock,
    watch: Callable[[History], None] = lambda history: None,
    stop: StopRequest | None = None,
) -> History:
    ledger = ParquetLedger(LocalStore(folder), "test/")
    proposer = BayesianProposer(initial=4)
    settings = {"proposer": proposer.model_dump(mode="json")}
    job = Job(campaign, evaluator, proposer, ledger, folder / "work", settings=settings)
    return await run_loop(job, PlainSteps(), clock, stop or StopRequest(), watch)


def _lease(epoch: int, clock: Clock) -> LeaseTaken:
    host = "elsewhere"
    return LeaseTaken(time=clock.now(), actor="controller", epoch=epoch, host=host, pid=1, started=f"{host}:1")


async def events_in(folder: Path) -> list[Event]:
    return await events_of(ParquetLedger(LocalStore(folder), "test/"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_no_trial_is_lost_or_doubled_when_the_clock_jumps_within_and_between_sessions(tmp_path, seed):
    jumps = now_and_then(seed)
    stop = StopRequest()

    async def stop_in_the_third(trial: int, attempt: int) -> float:
        if trial == 3:
            stop.ask()
        return float(trial)

    evaluator = ScriptedEvaluator(stop_in_the_third)
    await run(a_campaign(), evaluator, tmp_path, JumpingClock(jumps=jumps), stop=stop)
    history = await run(a_campaign(), evaluator, tmp_path, JumpingClock(NOON - DAY, jumps))

    events = await events_in(tmp_path)
    times = [event.time for event in events]
    assert times != sorted(times)
    assert sorted(evaluator.evaluated) == [(i, 1) for i in range(1, 9)]
    assert {i: trial.outcome.metrics["loss"].mean for i, trial in history.trials.items()} == {
        i: float(i) for i in range(1, 9)
    }
    assert history.closed_by.kind == "campaign_finished"
    assert History.from_events(events) == history
    assert verify(ParquetLedger(LocalStore(tmp_path), "test/")).events == len(events)
    assert {found.verdict for found in replay(events, tmp_path)} == {"same"}


@pytest.mark.parametrize("seed", range(4))
async def test_no_time_that_is_counted_is_negative_when_the_clock_jumps(tmp_path, seed):
    counted: list[float] = []
    clock = JumpingClock(jumps=now_and_then(seed))
    await run(
        a_campaign(), ScriptedEvaluator(), tmp_path, clock, lambda history: counted.append(history.active_seconds)
    )
    assert counted == sorted(counted)
    assert counted[0] >= 0
    proposals = [event for event in await events_in(tmp_path) if isinstance(event, TrialProposed)]
    assert min(p.provenance.asked.seconds for p in proposals if p.provenance) >= 0


@pytest.mark.parametrize("limit", range(40, 50))
async def test_a_clock_that_is_set_back_gives_no_time_back_to_the_budget(tmp_path, limit):
    clock, spent = JumpingClock(), list[int]()
    campaign = a_campaign(budget={"trials": 100, "wall_clock": f"{limit}s"}, workers=1)

    def set_back_when_it_is_spent(history: History) -> None:
        if history.active_seconds >= limit:
            spent.append(history.started)
            clock.time -= HOUR

    history = await run(campaign, ScriptedEvaluator(), tmp_path, clock, set_back_when_it_is_spent)
    assert history.closed_by.reason == "the wall-clock budget is spent"
    assert spent[0] == history.started


@pytest.mark.parametrize("jump", [-DAY, -HOUR, HOUR, DAY])
async def test_who_takes_over_is_decided_by_signs_of_life_and_not_by_what_the_clocks_say(tmp_path, jump):
    ledger = ParquetLedger(LocalStore(tmp_path), "test/")
    clock = JumpingClock(SystemClock().now() + jump, now_and_then(1))
    await ledger.append([_lease(1, SystemClock())], after=0)
    journal = Journal(ledger)
    await journal.refresh()

    async def live() -> None:
        for beat in range(10_000):
            await ledger.heartbeat.beat(f"epoch 1, beat {beat}")
            await asyncio.sleep(0.01)

    life = asyncio.create_task(live())
    with pytest.raises(CampaignHeld, match="it gave a sign of life"):
        await take_lease(journal, clock, Rhythm(0.05, 60), StopRequest(), lambda text: None)
    life.cancel()
    await asyncio.gather(life, return_exceptions=True)
    waited = asyncio.get_running_loop().time()
    await take_lease(journal, clock, Rhythm(0.05, 0.3), StopRequest(), lambda text: None)
    assert asyncio.get_running_loop().time() - waited >= 0.3
    assert journal.lease is not None
    assert journal.lease.epoch == 2


def test_the_past_is_what_stands_before_the_first_event_of_a_later_time(capsys):
    def at(minute: int) -> Event:
        return _lease(minute, JumpingClock(NOON + timedelta(minutes=minute, seconds=-1)))

    events = [at(0), at(1), at(24 * 60), at(2), at(3)]
    assert known(events, (NOON + timedelta(minutes=1)).isoformat()) == events[:2]
    assert capsys.readouterr().err == ""
    assert known(events, (NOON + timedelta(minutes=9)).isoformat()) == events[:2]
    assert "2 events with an earlier time" in capsys.readouterr().err
    assert known(events, (NOON + DAY).isoformat()) == events
    assert known(events, "4") == events[:4]
    assert capsys.readouterr().err == ""


async def test_a_clock_that_is_set_back_puts_no_receipt_off(tmp_path):
    clock, file = JumpingClock(), tmp_path / "kept.jsonl"
    ledger = AnchoredLedger(ParquetLedger(LocalStore(tmp_path), "test/"), AnchorPlan(file, "here"), clock, pytest.fail)
    for number in (1, 2):
        clock.time -= DAY
        await ledger.append([_lease(number, clock)], after=number - 1)
        await ledger._idle()
        assert len(file.read_text().splitlines()) == number
