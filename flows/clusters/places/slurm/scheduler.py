"""The commands of Slurm, each called without a shell."""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from overnight.evaluators.secrets.environment import child_environment

COMMANDS = ("sbatch", "squeue", "scancel", "sinfo")
# How the commands report that slurmctld does not answer, in contrast to a refusal.
_NO_ANSWER = ("Unable to contact", "timed out", "Connection refused", "Communication connection", "Zero Bytes")
# Refusals that may pass: no node has answered yet, or the user has too many jobs in the queue.
_NOT_NOW = ("node configuration is not available", "temporarily", "accounting/QOS policy")
_VARIABLES = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT", "LD_LIBRARY_PATH")
# Slurm cuts columns that are too narrow; the last one may contain spaces.
_COLUMNS = "JobArrayID:48,State:24,RestartCnt:12,Name:256,Reason:96"
# The states from which a job may still run; from all others it does not, unless a person requeues it.
_ALIVE = {
    "CONFIGURING",
    "COMPLETING",
    "PENDING",
    "REQUEUED",
    "REQUEUE_FED",
    "REQUEUE_HOLD",
    "RESIZING",
    "RESV_DEL_HOLD",
    "RUNNING",
    "SIGNALING",
    "SPECIAL_EXIT",
    "STAGE_OUT",
    "STOPPED",
    "SUSPENDED",
}


# Slurm holds a job whose start has failed until an administrator releases it, so at night it would never run.
_HELD_FOR_GOOD = "launch failed requeued held"


class NoAnswer(Exception):
    """Slurm's controller does not answer."""


class NotNow(NoAnswer):
    """Slurm refuses a request for a reason that may pass, such as nodes that are down."""


class Refused(Exception):
    """Slurm refuses a request; the text is its own."""


@dataclass(frozen=True)
class Job:
    """A job, as `squeue` shows it: its id, such as `123_7`, its name, and how often it was run again."""

    id: str
    state: str
    restarts: int
    name: str
    reason: str

    @property
    def alive(self) -> bool:
        """Return whether it runs, or will."""
        return self.state in _ALIVE and self.reason != _HELD_FOR_GOOD

    @property
    def suspended(self) -> bool:
        """Return whether Slurm has stopped its processes for a while."""
        return self.state in ("STOPPED", "SUSPENDED")

    @property
    def ending(self) -> str:
        """Return how it ended."""
        if self.reason == _HELD_FOR_GOOD:
            return f"Slurm could not start its job {self.id} and holds it ({self.reason})"
        why = "" if self.reason in ("None", "") or self.alive else f" ({self.reason})"
        return f"its job {self.id} ended as {self.state}{why}"


def environment_of_jobs(variables: Iterable[str], ledger: str) -> dict[str, str]:
    """Return the environment that `sbatch` passes on to a job: only variables that the evaluation or the ledger needs.

    Slurm keeps a copy of it on the disk of its controller.
    """
    of_the_store = [name for name in os.environ if name.startswith("AWS_")] if ledger.startswith("s3://") else []
    named = [variable for variable in variables if "=" not in variable]
    return child_environment(named, also=(*_VARIABLES, *of_the_store))


@dataclass
class Scheduler:
    """Calls the commands, with nothing but `environment` in their environment; `calls` counts them by name.

    A command that gives no answer within `seconds` is killed.
    """

    environment: dict[str, str] = field(default_factory=lambda: environment_of_jobs((), ""))
    calls: dict[str, int] = field(default_factory=dict)
    seconds: float = 60.0

    async def submit(self, options: Sequence[str], script: str) -> str:
        """Submit a job script and return the job's id; raises Refused or NoAnswer, after which it may exist."""
        answer = await self._called("sbatch", "--parsable", "--export=ALL", *options, script=script)
        return answer.strip().partition(";")[0]

    async def try_out(self, options: Sequence[str]) -> None:
        """Raise Refused, NotNow or NoAnswer if such a job could not be started; submit nothing."""
        await self._called("sbatch", "--test-only", *options, script="#!/bin/sh\n")

    async def jobs(self, names: Iterable[str]) -> list[Job]:
        """Return the jobs with these names, including those that ended in the last minutes; raises NoAnswer."""
        if not (wanted := ",".join(names)):
            return []
        try:
            answer = await self._called(
                "squeue", "--noheader", "--array", "--states=all", f"--name={wanted}", f"--Format={_COLUMNS}"
            )
        except Refused as problem:
            raise NoAnswer(str(problem)) from problem
        rows = [line.split(None, 4) for line in answer.splitlines()]
        return [
            Job(id=row[0], state=row[1], restarts=int(row[2]), name=row[3], reason=row[4].strip() if row[4:] else "")
            for row in rows
            if len(row) >= 4 and row[2].isdecimal()
        ]

    async def cancel(self, jobs: Sequence[str]) -> None:
        """Cancel jobs; raises nothing."""
        with suppress(NoAnswer, Refused):
            await self._called("scancel", "--quiet", *jobs)

    async def _called(self, command: str, *arguments: str, script: str = "") -> str:
        self.calls[command] = self.calls.get(command, 0) + 1
        try:
            process = await asyncio.create_subprocess_exec(
                command,
                *arguments,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=self.environment,
                start_new_session=True,
            )
        except OSError as problem:
            raise Refused(f"`{command}` cannot be started: {problem}") from problem
        try:
            async with asyncio.timeout(self.seconds):
                answer, words = await process.communicate(script.encode())
        except TimeoutError:
            raise NoAnswer(f"`{command}` gave no answer within {self.seconds:g} s") from None
        finally:
            if process.returncode is None:
                # It may be a script around the command; as long as a process has its pipes open, it has not ended.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode == 0:
            return answer.decode(errors="replace")
        text = " ".join(words.decode(errors="replace").split())
        for signs, silence in ((_NO_ANSWER, NoAnswer), (_NOT_NOW, NotNow)):
            if any(sign in text for sign in signs):
                raise silence(text)
        raise Refused(text or f"`{command}` ended with exit code {process.returncode}")
