"""Controllers on several hosts, as real processes: one acts, and one that has lost the lease writes no more."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Thread
from unittest import mock

import controller_elsewhere
import pytest
from controller_elsewhere import CAMPAIGN, HELD
from read_ledgers import events_of
from until import until

from overnight.campaign import History
from overnight.campaign.errors import CampaignHeld, LedgerError
from overnight.campaign.history.events import AttemptStarted, CampaignFinished, Event, LeaseTaken, TrialProposed
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.identity import process_started
from overnight.flows.host.stop import StopRequest
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import (
    Rhythm,
    controller_lives,
    gives_signs,
    hangs_here,
    refuse_if_it_lives_here,
    show_life,
    take_lease,
)
from overnight.storage import LocalStore, ParquetLedger, open_ledger

PROGRAM = Path(controller_elsewhere.__file__)
REPOSITORY = Path(__file__).parents[3]


class Controller:
    """One of these processes, and its output so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.said: list[str] = []

    def hears(self, word: str) -> str:
        """Wait until it prints a line with this word, and return the line."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if word in line:
                return line
        raise AssertionError(f"expected {word!r}, it said {''.join(self.said)}")

    def ends(self) -> int:
        assert self.process.stdout is not None
        self.said += list(self.process.stdout)
        return self.process.wait()


@contextmanager
def controller(ledger: str, folder: Path, host: str, *, silence: float = 60.0) -> Iterator[Controller]:
    command = [sys.executable, str(PROGRAM), ledger, str(folder), host, "0.05", str(silence)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield Controller(process)
        finally:
            process.kill()


def events_at(ledger: str) -> list[Event]:
    return asyncio.run(events_of(open_ledger(ledger, CAMPAIGN.name, Path())))


@pytest.fixture(params=["directory", "bucket"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "ledger") if request.param == "directory" else request.getfixturevalue("bucket")


@pytest.mark.slow
def test_a_second_controller_hears_signs_of_life_from_another_host_and_is_refused(ledger, tmp_path):
    with controller(ledger, tmp_path, "first") as first:
        first.hears("evaluating")
        with controller(ledger, tmp_path, "second") as second:
            assert "process" in second.hears("Held by")
            assert second.ends() == HELD
        assert "on host first" in second.said[-1]
        assert "sign of life" in second.said[-1]
    assert [e.epoch for e in events_at(ledger) if isinstance(e, LeaseTaken)] == [1]


@pytest.mark.slow
def test_a_campaign_whose_host_died_is_taken_over_after_its_silence(ledger, tmp_path):
    with controller(ledger, tmp_path, "first") as first:
        first.hears("evaluating")
        first.process.kill()
    (tmp_path / "go").touch()
    with controller(ledger, tmp_path, "second", silence=0.5) as second:
        assert second.ends() == 0, second.said
    history = History.from_events(events_at(ledger))
    assert isinstance(history.closed_by, CampaignFinished)
    assert len(history.model_view().observed) == CAMPAIGN.budget.trials


@pytest.mark.slow
def test_a_controller_that_was_paused_while_another_took_over_writes_no_decision_and_ends_what_it_runs(
    ledger, tmp_path
):
    with controller(ledger, tmp_path, "first") as first:
        first.hears("evaluating")
        first.hears("evaluating")
        first.process.send_signal(signal.SIGSTOP)
        with controller(ledger, tmp_path, "second", silence=0.5) as second:
            second.hears("evaluating")
            first.process.send_signal(signal.SIGCONT)
            # It notices the other's sign of life, although none of its own evaluations has ended.
            assert first.ends() == HELD
            assert sum("ended" in line for line in first.said) == 2
            assert "took over" in first.said[-1]
            (tmp_path / "go").touch()
            assert second.ends() == 0
    events = events_at(ledger)
    leases = [i for i, event in enumerate(events) if isinstance(event, LeaseTaken)]
    assert [events[i].epoch for i in leases] == [1, 2]
    keys = {e.key for e in events[leases[1] :] if isinstance(e, AttemptStarted)}
    assert keys <= {line.split()[1] for line in second.said if "evaluating" in line}
    assert len(History.from_events(events).model_view().observed) == CAMPAIGN.budget.trials


@pytest.mark.slow
def test_a_controller_that_was_paused_with_a_result_in_its_hand_does_not_write_it(tmp_path):
    ledger = str(tmp_path / "ledger")
    with controller(ledger, tmp_path, "first") as first:
        first.hears("evaluating")
        first.hears("evaluating")
        first.process.send_signal(signal.SIGSTOP)
        (tmp_path / "go").touch()
        with controller(ledger, tmp_path, "second", silence=0.5) as second:
            assert second.ends() == 0
        before = events_at(ledger)
        first.process.send_signal(signal.SIGCONT)
        assert first.ends() == HELD
    assert events_at(ledger) == before


async def test_who_waits_for_another_host_can_be_stopped(tmp_path):
    ledger = ParquetLedger(LocalStore(tmp_path), "shared/")
    await ledger.append([_lease("elsewhere:1")], after=0)
    journal, stop = Journal(ledger), StopRequest()
    await journal.refresh()
    waiting = asyncio.create_task(take_lease(journal, SystemClock(), Rhythm(60, 600), stop, lambda text: None))
    await asyncio.sleep(0)
    stop.ask()
    with pytest.raises(CampaignHeld, match="Asked to stop while waiting"):
        await waiting


async def test_the_last_controller_may_give_the_campaign_back_while_another_waits(tmp_path):
    ledger = ParquetLedger(LocalStore(tmp_path), "shared/")
    await ledger.append([_lease("elsewhere:1")], after=0)
    journal, told = Journal(ledger), []
    await journal.refresh()

    def give_back(text: str) -> None:
        told.append(text)
        time = SystemClock().now()
        finished = CampaignFinished(time=time, actor="controller", epoch=1, reason="done")
        asyncio.run_coroutine_threadsafe(ledger.append([finished], after=1), asyncio.get_running_loop())
        asyncio.run_coroutine_threadsafe(ledger.heartbeat.beat("epoch 1, beat 9"), asyncio.get_running_loop())

    await take_lease(journal, SystemClock(), Rhythm(0.05, 60), StopRequest(), give_back)
    assert len(told) == 1
    assert journal.lease is not None
    assert journal.lease.epoch == 2


def test_a_process_of_this_host_that_lives_is_seen_at_once_and_a_dead_one_is_not_waited_for(tmp_path):
    with subprocess.Popen(["sleep", "600"]) as other:
        lease = _lease_of(other.pid)
        history = History.from_events([lease])
        with pytest.raises(CampaignHeld, match=f"kill -INT {other.pid}"):
            refuse_if_it_lives_here(history)
        assert controller_lives(history)
        other.kill()
    refuse_if_it_lives_here(history)
    assert not controller_lives(history)
    assert asyncio.run(_taken_after(lease, tmp_path)).epoch == 2


def test_a_process_whose_first_thread_has_ended_lives_as_long_as_another_one_runs():
    script = "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(600,)).start(); "
    with subprocess.Popen([sys.executable, "-c", f"{script}ctypes.CDLL(None).pthread_exit(None)"]) as other:
        stat = Path(f"/proc/{other.pid}/stat")
        until(lambda: stat.read_text().rpartition(")")[2].split()[0] == "Z", "its first thread has ended", 60)
        assert controller_lives(History.from_events([_lease_of(other.pid)]))
        other.kill()


async def _taken_after(lease: LeaseTaken, folder: Path) -> LeaseTaken:
    ledger = ParquetLedger(LocalStore(folder), "shared/")
    await ledger.append([lease], after=0)
    journal = Journal(ledger)
    await journal.refresh()
    await take_lease(journal, SystemClock(), Rhythm(60, 600), StopRequest(), pytest.fail)
    assert journal.lease is not None
    return journal.lease


@contextmanager
def stopped_holder(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Journal]]:
    """Yield a stopped process that holds the campaign, and the journal of another controller."""
    with subprocess.Popen(["sleep", "600"]) as holder:
        try:
            holder.send_signal(signal.SIGSTOP)
            os.waitpid(holder.pid, os.WUNTRACED)
            ledger = ParquetLedger(LocalStore(folder), "shared/")
            asyncio.run(ledger.append([_lease_of(holder.pid)], after=0))
            yield holder, Journal(ledger)
        finally:
            holder.kill()


async def _takes(journal: Journal, notify: Callable[[str], None]) -> int:
    await journal.refresh()
    await take_lease(journal, SystemClock(), Rhythm(0.05, 0.5), StopRequest(), notify)
    assert journal.lease is not None
    return journal.lease.epoch


def test_a_controller_of_this_host_that_hangs_is_ended_before_another_one_takes_over(tmp_path):
    told: list[str] = []
    with stopped_holder(tmp_path) as (holder, journal):
        asyncio.run(journal.refresh())
        assert f"kill -CONT {holder.pid}" in str(hangs_here(journal.history))
        # The killed process must be reaped, as the parent of a controller does.
        reaping = Thread(target=holder.wait)
        reaping.start()
        assert asyncio.run(_takes(journal, told.append)) == 2
        reaping.join()
        assert holder.returncode == -signal.SIGKILL
    assert len(told) == 1
    assert "which is stopped" in told[0]


@pytest.mark.parametrize("again", ["runs", "beats"])
def test_a_stopped_controller_that_goes_on_meanwhile_is_left_alone(tmp_path, again: str):
    with stopped_holder(tmp_path) as (holder, journal):

        def goes_on(text: str) -> None:
            if again == "runs":
                holder.send_signal(signal.SIGCONT)
            else:
                loop, beat = asyncio.get_running_loop(), journal.ledger.heartbeat.beat
                # Some time after the first look of the waiting controller.
                loop.call_later(0.1, lambda: loop.create_task(beat("epoch 1, beat 9")))

        with pytest.raises(CampaignHeld, match=f"process {holder.pid} on this host"):
            asyncio.run(_takes(journal, goes_on))
        assert holder.poll() is None


@pytest.mark.slow
def test_what_a_controller_evaluated_that_hangs_goes_on_with_the_next_one(tmp_path):
    ledger = str(tmp_path / "ledger")
    with controller(ledger, tmp_path, "same") as first:
        first.hears("evaluating")
        first.process.send_signal(signal.SIGSTOP)
        reaping = Thread(target=first.process.wait)
        reaping.start()
        with controller(ledger, tmp_path, "same", silence=0.5) as second:
            second.hears("which is stopped")
            second.hears("evaluating")
            reaping.join()
            assert first.process.returncode == -signal.SIGKILL
            (tmp_path / "go").touch()
            assert second.ends() == 0, second.said
    assert len(History.from_events(events_at(ledger)).model_view().observed) == CAMPAIGN.budget.trials


def test_a_process_with_the_same_number_in_another_container_is_somebody_else():
    history = History.from_events([_lease("elsewhere:77", pid=os.getpid())])
    refuse_if_it_lives_here(history)
    assert controller_lives(history)


@pytest.mark.slow
async def test_of_two_who_wait_for_a_dead_host_one_takes_over_and_the_other_is_refused(ledger, tmp_path):
    place = open_ledger(ledger, "shared", Path())
    await place.append([_lease("elsewhere:1")], after=0)
    rhythm, takers = Rhythm(0.2, 1.0), [Journal(open_ledger(ledger, "shared", Path())) for _ in range(2)]
    living: list[asyncio.Task[None]] = []

    async def take(journal: Journal, begins: float) -> None:
        await journal.refresh()
        await asyncio.sleep(begins)
        await take_lease(journal, SystemClock(), rhythm, StopRequest(), lambda text: None)
        living.append(asyncio.create_task(show_life(journal, rhythm)))

    # As if each were on its own host, and could not see the processes of the others.
    with mock.patch("overnight.flows.session.lease._is_here", return_value=False):
        done = await asyncio.gather(take(takers[0], 0), take(takers[1], 0.5), return_exceptions=True)
    [refused] = [problem for problem in done if problem is not None]
    assert isinstance(refused, CampaignHeld)
    assert "is alive" in str(refused)
    [life] = living
    assert not life.done()
    life.cancel()
    [taker] = [journal for journal in takers if journal.lease is not None]
    await taker.refresh()
    assert taker.history.lease == taker.lease


@pytest.mark.slow
async def test_people_who_append_all_the_time_do_not_keep_anybody_from_taking_over(tmp_path):
    ledger = ParquetLedger(LocalStore(tmp_path), "shared/")
    await ledger.append([_lease("elsewhere:1")], after=0)
    people, journal, told = Journal(ledger), Journal(ParquetLedger(LocalStore(tmp_path), "shared/")), []
    await asyncio.gather(people.refresh(), journal.refresh())

    async def write() -> None:
        for trial in count(1):
            proposed = TrialProposed(
                time=SystemClock().now(), actor="ada", trial=trial, point={"x": 0.5}, generator="manual"
            )
            await people.insist(lambda history, event=proposed: [event])

    writing = asyncio.create_task(write())
    await take_lease(journal, SystemClock(), Rhythm(0.05, 0.5), StopRequest(), told.append)
    writing.cancel()
    assert len(told) == 1


async def test_a_store_that_does_not_answer_is_no_silence_of_the_holder(tmp_path):
    looked: list[float] = []

    class Out:
        """Does not answer the second look for a whole silence, nor accept the holder's sign of life in that time."""

        async def last(self) -> str:
            looked.append(asyncio.get_running_loop().time())
            if len(looked) == 2:
                await asyncio.sleep(0.6)
            return "epoch 1, beat 8" if len(looked) > 4 else "epoch 1, beat 7"

    assert await gives_signs(Out(), Rhythm(0.1, 0.5), StopRequest())


async def test_a_store_that_refuses_signs_of_life_is_told_before_anything_starts(tmp_path):
    ledger = ParquetLedger(LocalStore(tmp_path), "shared/")
    (tmp_path / "shared" / "heartbeat").mkdir(parents=True)
    with pytest.raises(LedgerError, match=r"cannot write `.*heartbeat`"):
        await take_lease(Journal(ledger), SystemClock(), Rhythm(), StopRequest(), pytest.fail)


async def test_signs_of_life_go_on_after_a_store_that_did_not_answer(tmp_path):
    ledger = ParquetLedger(LocalStore(tmp_path), "shared/")
    journal = Journal(ledger)
    await take_lease(journal, SystemClock(), Rhythm(), StopRequest(), pytest.fail)
    sign = tmp_path / "shared" / "heartbeat"
    sign.unlink()
    sign.mkdir()
    life = asyncio.create_task(show_life(journal, Rhythm(0.01, 1)))
    await asyncio.sleep(0.1)
    assert not life.done()
    sign.rmdir()
    while not await ledger.heartbeat.last():  # noqa: ASYNC110 - it sends no notification
        await asyncio.sleep(0.01)
    life.cancel()


def _lease(started: str, pid: int = 1) -> LeaseTaken:
    time = SystemClock().now()
    return LeaseTaken(time=time, actor="controller", epoch=1, host="elsewhere", pid=pid, started=started)


def _lease_of(pid: int) -> LeaseTaken:
    started = process_started(pid)
    assert started is not None
    return _lease(started, pid)
