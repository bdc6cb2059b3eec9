"""Pause a campaign while its machine cannot carry out evaluations, and charge no trial for that."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

from overnight.campaign import EvaluationFailed, EvaluationOutcome, History
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import CampaignPaused, CampaignResumed
from overnight.evaluators.processes.exit_status import OF_THE_MACHINE
from overnight.flows.controller.asking import passed
from overnight.flows.controller.job import Job
from overnight.flows.host.clock import Clock
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import CONTROLLER

# Our files of an attempt need a few kilobytes; below this, the evaluation's own files would hardly fit.
LEAST_SPACE = 4 * 2**20
LEAST_FILES = 100
_FIRST_REST, _LONGEST_REST, _MOST_DOUBLINGS = 1.0, 60.0, 10
_COMPLAINTS = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))


class Machine:
    """The health of the machine: whether it can carry out evaluations, and how long the campaign rests if it cannot.

    Evaluations on this machine need room in the work folder. After a failure of the machine the campaign rests, longer
    with each one in a row. On a cluster, other workers may be well: the campaign rests only after as many failures in a
    row as there are workers. An evaluation that reports a full disk may have filled the disk and then cleaned up; if
    several trials in a row report it, the machine is to blame.
    """

    def __init__(self, job: Job) -> None:
        self._work, self._here = job.work, job.here
        self._why: str | None = None
        self._again_at, self._rests, self._in_a_row = 0.0, 0, 0
        self._complained: set[int] = set()
        self._told: str | None = None
        self._recorded = False

    @property
    def rests(self) -> bool:
        """Return whether the campaign rests: nothing may start."""
        return self._why is not None

    @property
    def pause(self) -> float | None:
        """Return the seconds until the machine is checked again; None if the campaign does not rest."""
        return max(self._again_at - passed(), 0.0) if self.rests else None

    def judged(self, outcome: EvaluationOutcome, trial: int, workers: int) -> EvaluationOutcome:
        """Return how an attempt ended, as a failure of the machine if it is one; without room, every failure is."""
        trouble = self._trouble_of(outcome, trial)
        if trouble is None or not isinstance(outcome, EvaluationFailed):
            self._in_a_row = self._rests = 0
            return outcome
        self._in_a_row += 1
        if self._here or self._in_a_row >= workers:
            self._rest(trouble)
        message = outcome.message if trouble in outcome.message else f"{outcome.message} ({trouble})"
        return outcome.model_copy(update={"cause": "infrastructure", "message": message, "machine": True})

    def _trouble_of(self, outcome: EvaluationOutcome, trial: int) -> str | None:
        """Return why the machine is to blame for a failed attempt; None if it is not known to be."""
        if not isinstance(outcome, EvaluationFailed) or outcome.cause in ("cancelled", "infeasible"):
            self._complained.clear()
            return None
        complains = next((words for words in _COMPLAINTS if words in outcome.message), None)
        self._complained = self._complained | {trial} if complains else set()
        if self._here and (trouble := trouble_at(self._work)) is not None:
            return trouble
        if outcome.machine:
            return outcome.message.partition("\n")[0]
        return complains if len(self._complained) > 1 else None

    async def look(self, journal: Journal, clock: Clock, notify: Callable[[str], None], *, wanted: bool) -> None:
        """Check whether evaluations may start, if any are `wanted`; report and record each change."""
        if self._recorded and journal.history.paused is None:
            # A person has resumed the campaign, and believes that the machine is well.
            self._again_at, self._told, self._recorded = 0.0, None, False
        if passed() >= self._again_at:
            self._why = None
            if wanted and self._here and (trouble := trouble_at(self._work)) is not None:
                self._rest(trouble)
        if self._why is None:
            await self._resume(journal, clock, notify)
        elif self._told is None and wanted:
            self._told = f"{self._why}; nothing counts as failed, and the campaign continues by itself afterwards"
            notify(f"Nothing new is started: {self._told}.")
            await self._record(journal, clock)

    async def _record(self, journal: Journal, clock: Clock) -> None:
        def pauses(history: History) -> list[CampaignPaused]:
            journal.check_lease(history)
            why, request = self._told or "", history.requests + 1
            paused = CampaignPaused(time=clock.now(), actor=CONTROLLER, request=request, why=why)
            return [] if history.paused is not None else [paused]

        try:
            await journal.insist(pauses)
            self._recorded = True
        except LedgerError:
            # The ledger may lie on the same disk. The campaign rests anyway, and the time counts like any other.
            return

    async def _resume(self, journal: Journal, clock: Clock, notify: Callable[[str], None]) -> None:
        def resumes(history: History) -> list[CampaignResumed]:
            journal.check_lease(history)
            return takes_back_pause(history, clock)

        if paused_by_controller(journal.history):
            await journal.insist(resumes)
        if self._told is not None:
            self._told, self._recorded = None, False
            notify("Evaluations start again.")

    def _rest(self, why: str) -> None:
        """Start nothing for a while, twice as long as the last time; failures during a rest do not prolong it."""
        self._why = why
        if passed() >= self._again_at:
            self._again_at = passed() + min(_FIRST_REST * 2.0 ** min(self._rests, _MOST_DOUBLINGS), _LONGEST_REST)
            self._rests += 1


def paused_by_controller(history: History) -> bool:
    """Return whether a controller, and not a person, has paused the campaign."""
    return history.paused is not None and history.paused.actor == CONTROLLER


def takes_back_pause(history: History, clock: Clock) -> list[CampaignResumed]:
    """Return the event that ends a controller's own pause; nothing if it has not paused."""
    if not paused_by_controller(history):
        return []
    return [CampaignResumed(time=clock.now(), actor=CONTROLLER, request=history.requests + 1)]


def is_the_machines(problem: BaseException) -> bool:
    """Return whether an exception means that the machine lacks something, regardless of the point."""
    return isinstance(problem, MemoryError) or (isinstance(problem, OSError) and problem.errno in OF_THE_MACHINE)


def trouble_at(work: Path) -> str | None:
    """Return why no evaluation could keep its files in this folder, or in the parent in which it would be made."""
    place = work.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        left = os.statvfs(place)
    except OSError as problem:
        return f"{work} cannot be used ({problem.strerror})"
    if left.f_flag & os.ST_RDONLY:
        return f"{place} is on a file system that is read-only"
    if not os.access(place, os.W_OK | os.X_OK) or not place.is_dir():
        return f"{place} is not a writable folder"
    free = left.f_bavail * left.f_frsize
    if free < LEAST_SPACE:
        return f"no space is left on the disk of {place} ({free / 2**20:.1f} MiB, below {LEAST_SPACE >> 20} MiB)"
    # Some file systems have no fixed number of files, and report 0.
    if left.f_files and left.f_favail < LEAST_FILES:
        return f"no more files can be created on the disk of {place} ({left.f_favail} are left, below {LEAST_FILES})"
    return None
