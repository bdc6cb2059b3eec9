"""The processes of one run, told from everybody else's by the run's folder in their environment."""

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
    """A living process; its id and start together are never another one's."""

    process: Process
    environment: bytes
    command: bytes

    @property
    def pid(self) -> int:
        """Return its number."""
        return self.process.pid

    @property
    def evaluates(self) -> str | None:
        """Return the key of the attempt that it belongs to, if it does."""
        for variable in self.environment.split(b"\0"):
            name, _, value = variable.partition(b"=")
            if name == b"EVAL_REQUEST":
                with suppress(OSError):
                    return json.loads(Path(os.fsdecode(value)).read_text())["key"]
        return None

    @property
    def lives(self) -> bool:
        """Tell whether it is still there."""
        now = read_process(self.pid)
        return now is not None and now.ticks == self.process.ticks

    @property
    def stopped(self) -> bool:
        """Return whether a signal has stopped it."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        return False

    def kill(self) -> bool:
        """Kill this very process; return whether it lived until then."""
        return self.send(signal.SIGKILL)

    def stop(self) -> bool:
        """Stop this very process as SIGSTOP does; return whether it lived until then."""
        return self.send(signal.SIGSTOP)

    def send(self, number: signal.Signals) -> bool:
        """Send a signal to this very process; return whether it lived until then."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            # The handle holds the process, so that the signal reaches the one that was looked at.
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
        """Look around for processes that were given this folder."""
        mark, own = os.fsencode(folder.resolve()), os.getpid()
        seen = (_victim(process) for process in all_processes() if process.pid != own)
        return cls(tuple(victim for victim in seen if victim is not None and mark in victim.environment))

    @cached_property
    def controllers(self) -> list[Victim]:
        """Return the flow runs' own processes, without what these started."""
        runs = {v.pid: v for v in self.victims if b"PREFECT__FLOW_RUN_ID=" in v.environment and v.evaluates is None}
        return [v for v in runs.values() if v.process.parent not in runs and not _is_hook(v)]

    @cached_property
    def supervisors(self) -> list[Victim]:
        """Return the processes around evaluations."""
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
    """Return whether Prefect started it for what is to be done after a run has crashed."""
    return b"hook" in victim.command.split(b"\0")


def _is_supervisor(victim: Victim) -> bool:
    return os.fsencode(supervisor.__file__) in victim.command.split(b"\0")
