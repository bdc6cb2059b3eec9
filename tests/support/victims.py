"""The processes of one run, recognized by the run's folder in their environment."""

import json
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from overnight.evaluators.processes import supervisor
from overnight.evaluators.processes.supervisor import Process, all_processes, read_process


@dataclass(frozen=True)
class Victim:
    """A living process; no other process ever has the same pid and start time."""

    process: Process
    environment: bytes
    command: bytes

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self.process.pid

    @property
    def evaluates(self) -> str | None:
        """Return the key of the attempt to which the process belongs, if any."""
        for variable in self.environment.split(b"\0"):
            name, _, value = variable.partition(b"=")
            if name == b"EVAL_REQUEST":
                with suppress(OSError):
                    return json.loads(Path(os.fsdecode(value)).read_text())["key"]
        return None

    @property
    def lives(self) -> bool:
        """Return whether the process still exists."""
        now = read_process(self.pid)
        return now is not None and now.ticks == self.process.ticks

    @property
    def stopped(self) -> bool:
        """Return whether a signal has stopped the process."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        return False

    def kill(self) -> bool:
        """Kill exactly this process; return whether it was alive until then."""
        return self.send(signal.SIGKILL)

    def stop(self) -> bool:
        """Stop exactly this process with SIGSTOP; return whether it was alive until then."""
        return self.send(signal.SIGSTOP)

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to exactly this process; return whether it was alive until then."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # The handle refers to one process only, so the signal reaches the process that was checked.
            if not self.lives:
                return False
            signal.pidfd_send_signal(handle, number)
        except ProcessLookupError:
            return False
        finally:
            os.close(handle)
        return True


@dataclass(frozen=True)
class Scene:
    """Every process of one run at one moment."""

    victims: tuple[Victim, ...]

    @classmethod
    def of(cls, folder: Path) -> "Scene":
        """Find all processes that were given this folder, except the current one."""
        mark, own = os.fsencode(folder.resolve()), os.getpid()
        seen = (_victim(process) for process in all_processes() if process.pid != own)
        return cls(tuple(victim for victim in seen if victim is not None and mark in victim.environment))

    @cached_property
    def controllers(self) -> list[Victim]:
        """Return the processes of the flow runs, without the processes that they started."""
        runs = {v.pid: v for v in self.victims if b"PREFECT__FLOW_RUN_ID=" in v.environment and v.evaluates is None}
        return [v for v in runs.values() if v.process.parent not in runs and not _is_hook(v) and not _prepares(v)]

    @cached_property
    def supervisors(self) -> list[Victim]:
        """Return the supervisors of the evaluations."""
        return [victim for victim in self._of_attempts if _is_supervisor(victim)]

    @cached_property
    def evaluations(self) -> list[Victim]:
        """Return the evaluations' own processes."""
        return [victim for victim in self._of_attempts if not _is_supervisor(victim)]

    @property
    def _of_attempts(self) -> Iterable[Victim]:
        return (victim for victim in self.victims if victim.evaluates is not None)


def _victim(process: Process) -> Victim | None:
    at = Path(f"/proc/{process.pid}")
    try:
        return Victim(process, (at / "environ").read_bytes(), (at / "cmdline").read_bytes())
    except OSError:
        return None


def _is_hook(victim: Victim) -> bool:
    """Return whether Prefect started the process to run hooks after a run has crashed."""
    return b"hook" in victim.command.split(b"\0")


def _prepares(victim: Victim) -> bool:
    """Return whether the process still prepares a flow run: nothing replaces it if it stops, as it is no controller."""
    return b"prefect.runner._workspace_supervisor" in victim.command.split(b"\0")


def _is_supervisor(victim: Victim) -> bool:
    return os.fsencode(supervisor.__file__) in victim.command.split(b"\0")
