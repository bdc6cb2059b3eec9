"""A campaign waits for a machine that cannot carry out evaluations, and no trial is blamed for it."""

import asyncio
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from read_ledgers import events_of
from running import now
from scripted_campaign import a_campaign
from virtual_nights import NightClock, SeenSteps

from benchmarks.virtual_time import run_in_virtual_time
from overnight.bo_core import SobolProposer
from overnight.campaign import (
    Campaign,
    EvaluationFailed,
    EvaluationOutcome,
    EvaluationSucceeded,
    History,
    Measurement,
)
from overnight.campaign.history.events import CampaignPaused, CampaignResumed, Event, LeaseTaken
from overnight.flows.controller.job import Execution, Job
from overnight.flows.controller.loop import run_loop
from overnight.flows.controller.machine import LEAST_SPACE, trouble_at
from overnight.flows.host.identity import process_started
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.people import requests
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import Rhythm
from overnight.storage import MemoryLedger

MINUTE = 60.0
Outcome = Callable[[float], object]


class Shared:
    """Evaluations of a minute each; `ends` decides their result by the seconds since the start."""

    time_limit = timedelta(hours=1)
    grace = patience = timedelta()

    def __init__(self, ends: Outcome) -> None:
        self.ends, self.calls, self.began = ends, list[tuple[int, int]](), float("inf")

    def secrets(self) -> dict[str, str]:
        return {}

    async def check(self, campaign: Campaign) -> None:
        pass

    async def evaluate(self, request, folder, report) -> EvaluationOutcome:
        self.began = min(self.began, asyncio.get_running_loop().time())
        self.calls.append((request.trial, request.attempt))
        await asyncio.sleep(MINUTE)
        end = self.ends(asyncio.get_running_loop().time())
        if isinstance(end, Exception):
            raise end
        return end if isinstance(end, EvaluationFailed) else EvaluationSucceeded(metrics={"loss": Measurement(mean=1)})

    async def recover(self, request, folder, report) -> EvaluationOutcome | None:
        return None


class Night:
    """A campaign in virtual time, its messages and its ledger."""

    def __init__(self, campaign: Campaign, evaluator: Shared, work: Path, **job: object) -> None:
        self.ledger, self.said, self.stop, self.clock = MemoryLedger(), list[str](), StopRequest(), NightClock()
        self.job = Job(campaign, evaluator, SobolProposer(), self.ledger, work, **job)
        self.steps, self.resumed = SeenSteps(), 0.0

    async def controller(self) -> History:
        return await run_loop(self.job, self.steps, self.clock, self.stop, notify=self.said.append)

    def runs(self) -> History:
        return run_in_virtual_time(self.controller())

    def events(self) -> list[Event]:
        return run_in_virtual_time(events_of(self.ledger))


def attempts(history: History) -> int:
    return sum(len(trial.attempts) for trial in history.trials.values())


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENOMEM, errno.EAGAIN, errno.EROFS])
def test_when_every_slot_fails_for_the_machines_sake_nothing_is_quarantined_or_counted(tmp_path: Path, number: int):
    evaluator = Shared(lambda passed: OSError(number, os.strerror(number)) if passed < 30 * MINUTE else 1.0)
    night = Night(a_campaign(budget={"trials": 8, "evaluations": 8}), evaluator, tmp_path / "work")
    history = night.runs()
    assert history.trials.observed == 8
    assert history.closed_by.reason == "all 8 trials of the budget have been tried"
    # It waited instead of retrying again and again.
    assert 8 < attempts(history) < 8 + 3 * 30
    failed = [a.failed for trial in history.trials.values() for a in trial.attempts if a.failed is not None]
    assert all(end.machine and end.will_retry for end in failed)
    assert os.strerror(number) in night.said[0]
    assert night.said[1] == "Evaluations start again."


def test_nothing_is_started_while_the_work_folder_cannot_be_used_and_it_goes_on_by_itself(tmp_path: Path):
    work = tmp_path / "work"
    work.write_text("a file in the way")
    night = Night(a_campaign(budget={"trials": 4, "wall_clock": 600}), Shared(lambda passed: 1.0), work)

    async def mended_after_an_hour() -> History:
        controller = asyncio.create_task(night.controller())
        await asyncio.sleep(60 * MINUTE)
        assert night.job.evaluator.calls == []
        work.unlink()
        return await controller

    history = run_in_virtual_time(mended_after_an_hour())
    assert history.trials.observed == attempts(history) == 4
    # The hour in which nothing could run does not count towards the ten minutes.
    assert history.active_seconds < 5 * MINUTE
    paused, resumed = [e for e in night.events() if isinstance(e, CampaignPaused | CampaignResumed)]
    assert f"{work} is not a writable folder" in paused.why
    assert (resumed.time - paused.time).total_seconds() == pytest.approx(60 * MINUTE, abs=61)


def test_whatever_fails_while_no_room_is_left_is_the_machines_failure(tmp_path: Path):
    work = tmp_path / "work"

    def fails_with_the_folder(passed: float) -> object:
        if passed > 5 * MINUTE:
            with suppress(FileNotFoundError):
                work.unlink()
            return 1.0
        work.write_text("a file in the way")
        return EvaluationFailed(cause="configuration", message="ended with exit code 1")

    night = Night(a_campaign(budget={"trials": 2}, workers=1), Shared(fails_with_the_folder), work)

    async def mended() -> History:
        controller = asyncio.create_task(night.controller())
        await asyncio.sleep(10 * MINUTE)
        work.unlink()
        return await controller

    history = run_in_virtual_time(mended())
    first = history.trials[1].attempts[0].failed
    assert (first.cause, first.machine) == ("infrastructure", True)
    assert first.message.startswith("ended with exit code 1 (")
    assert history.trials.observed == 2


def test_trials_that_complain_of_a_full_disk_one_after_the_other_are_not_to_blame_though_each_cleans_up(tmp_path: Path):
    stderr = "ended with exit code 1; stderr ended with:\ncat: write error: No space left on device"

    def ends(passed: float) -> object:
        return EvaluationFailed(cause="configuration", message=stderr) if passed < 30 * MINUTE else 1.0

    night = Night(a_campaign(budget={"trials": 8}), Shared(ends), tmp_path)
    history = night.runs()
    # The first trial may have filled the disk by itself.
    assert (history.trials.observed, history.trials[1].outcome.kind) == (7, "failed")
    assert "No space left on device" in night.said[0]


def test_a_single_trial_that_fills_the_disk_and_cleans_up_is_to_blame_for_it(tmp_path: Path):
    turns = iter([1.0, EvaluationFailed(cause="configuration", message="[Errno 28] No space left on device"), 1.0])
    history = Night(a_campaign(budget={"trials": 3}, workers=1), Shared(lambda passed: next(turns)), tmp_path).runs()
    assert [trial.outcome.kind for trial in history.trials.values()] == ["observed", "failed", "observed"]


def test_an_engine_that_begins_nothing_is_no_failure_of_the_points(tmp_path: Path):
    class NoEngine(SeenSteps):
        async def evaluate(self, execution: Execution) -> EvaluationOutcome | None:
            if asyncio.get_running_loop().time() < 10 * MINUTE:
                raise RuntimeError("database or disk is full")
            return await execution.run()

    night = Night(a_campaign(budget={"trials": 4}), Shared(lambda passed: 1.0), tmp_path)
    night.steps = NoEngine()
    history = night.runs()
    assert history.trials.observed == 4
    assert night.job.evaluator.calls == [(t.id, len(t.attempts)) for t in history.trials.values()]
    assert "database or disk is full" in night.said[0]


def test_what_an_evaluation_found_counts_though_the_engine_fails_afterwards(tmp_path: Path):
    class ForgetfulEngine(SeenSteps):
        async def evaluate(self, execution: Execution) -> EvaluationOutcome | None:
            await execution.run()
            raise RuntimeError("cannot write the state: database or disk is full")

    night = Night(a_campaign(budget={"trials": 4}), Shared(lambda passed: 1.0), tmp_path)
    night.steps = ForgetfulEngine()
    history = night.runs()
    assert history.trials.observed == len(night.job.evaluator.calls) == 4


def test_a_campaign_that_waits_for_its_machine_can_be_drained_and_leaves_no_pause_behind(tmp_path: Path):
    (tmp_path / "work").write_text("a file in the way")
    night = Night(a_campaign(), Shared(lambda passed: 1.0), tmp_path / "work")

    async def drained() -> History:
        controller = asyncio.create_task(night.controller())
        await asyncio.sleep(10 * MINUTE)
        night.stop.ask_for(Stop.DRAIN)
        return await controller

    history = run_in_virtual_time(drained())
    assert history.closed_by.kind == "campaign_drained"
    assert history.paused is None


def test_a_pause_that_a_controller_has_left_behind_is_taken_back_by_the_next_one(tmp_path: Path):
    night = Night(a_campaign(budget={"trials": 2}), Shared(lambda passed: 1.0), tmp_path)

    async def left_behind() -> None:
        journal = Journal(night.ledger)
        # The pid of this process with an earlier start: the process that held the lease is dead.
        here = process_started(os.getpid()).rpartition(":")[0]
        lease = LeaseTaken(time=now(), actor="controller", epoch=1, host="here", pid=os.getpid(), started=f"{here}:1")
        await journal.append([lease])
        pause = CampaignPaused(time=now(), actor="controller", request=1, why="no space")
        await journal.append([pause])

    async def both() -> History:
        await left_behind()
        return await run_loop(night.job, night.steps, night.clock, night.stop)

    history = run_in_virtual_time(both())
    assert history.trials.observed == 2


def test_a_person_can_pause_a_campaign_that_waits_for_its_machine_and_that_pause_stays(tmp_path: Path):
    work = tmp_path / "work"
    work.write_text("a file in the way")
    night = Night(a_campaign(), Shared(lambda passed: 1.0), work, rhythm=Rhythm(hear=1.0))

    async def paused_meanwhile() -> History:
        controller = asyncio.create_task(night.controller())
        await asyncio.sleep(10 * MINUTE)
        journal = Journal(night.ledger)
        await journal.refresh()
        await journal.insist(lambda history: requests.pause(history, "eve@host", "maintenance", night.clock.now()))
        work.unlink()
        await asyncio.sleep(60 * MINUTE)
        night.stop.ask_for(Stop.DRAIN)
        return await controller

    history = run_in_virtual_time(paused_meanwhile())
    assert (history.paused.actor, history.paused.why) == ("eve@host", "maintenance")
    assert night.job.evaluator.calls == []


def test_a_person_who_resumes_it_makes_it_look_at_once(tmp_path: Path):
    work = tmp_path / "work"
    work.write_text("a file in the way")
    night = Night(a_campaign(), Shared(lambda passed: 1.0), work, rhythm=Rhythm(hear=1.0))

    async def resumed_meanwhile() -> History:
        controller = asyncio.create_task(night.controller())
        journal = Journal(night.ledger)
        for _ in range(2):
            await asyncio.sleep(10 * MINUTE)
            await journal.refresh()
            await journal.insist(lambda history: requests.resume(history, "eve@host", "", night.clock.now()))
        work.unlink()
        night.resumed = asyncio.get_running_loop().time()
        return await controller

    assert run_in_virtual_time(resumed_meanwhile()).trials.observed == 8
    pauses = [event for event in night.events() if isinstance(event, CampaignPaused)]
    # The folder was still unusable at the first `resume`.
    assert [round((event.time - pauses[0].time).total_seconds() / MINUTE) for event in pauses] == [0, 10]
    assert night.job.evaluator.began < night.resumed + 5


def test_a_sick_worker_elsewhere_stops_nobody_and_as_many_failures_in_a_row_as_workers_do(tmp_path: Path):
    failed = EvaluationFailed(cause="infrastructure", message="no space left there", machine=True)
    turns = iter([failed, 1.0, failed, failed, 1.0] + [1.0] * 20)
    night = Night(a_campaign(budget={"trials": 6}, workers=2), Shared(lambda passed: next(turns)), tmp_path, here=False)
    history = night.runs()
    assert history.trials.observed == 6
    pauses = [event for event in night.events() if isinstance(event, CampaignPaused)]
    assert [pause.why.partition(";")[0] for pause in pauses] == ["no space left there"]


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk takes rights that are missing here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_without_space_or_names_and_one_that_is_read_only_are_noticed_before_anything_begins(tmp_path: Path):
    with small_disk(tmp_path / "disk", "size=8m,nr_inodes=1000") as disk:
        work = disk / "work" / "deeper"
        assert trouble_at(work) is None
        (disk / "filler").write_bytes(bytes(8 * 2**20 - LEAST_SPACE + 1))
        assert "no space is left on the disk of" in str(trouble_at(work))
        (disk / "filler").unlink()
        assert trouble_at(work) is None
        names = [disk / str(number) for number in range(950)]
        for name in names:
            name.touch()
        assert "no more files can be created" in str(trouble_at(work))
        for name in names:
            name.unlink()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert "read-only" in str(trouble_at(work))
