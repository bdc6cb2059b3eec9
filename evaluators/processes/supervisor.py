"""Supervise one evaluation: start it once, end it in time with all descendants, and record how it ended.

This script outlives the controller. It imports only the standard library, because it starts for every attempt. It has
the environment of the evaluation, so that no secret has to be passed on in a file.
"""

import ctypes
import hashlib
import json
import os
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

_PR_SET_CHILD_SUBREAPER = 36
_HEARD = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
STOPPED = "T"
_LONGEST_WAIT, _LOOK_AROUND, _GLANCE = 3600.0, 0.5, 0.05


class Process(NamedTuple):
    """A living process. Until the next boot, no other process has the same id and start ticks.

    Its `state` is `STOPPED` if a signal has suspended it: it does nothing until it is resumed.
    """

    pid: int
    parent: int
    session: int
    ticks: int
    state: str = "R"


def read_process(pid: int) -> Process | None:
    """Return the living process with this id; a process that only waits to be reaped is not alive."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The name in parentheses may itself contain spaces and parentheses.
    fields = text.rpartition(")")[2].split()
    # A process whose first thread has ended looks dead while its other threads run.
    if fields[0] in "ZX" and int(fields[17]) <= 1:
        return None
    return Process(pid=pid, parent=int(fields[1]), session=int(fields[3]), ticks=int(fields[19]), state=fields[0])


def all_processes() -> list[Process]:
    """Return every living process that can be seen."""
    seen = (read_process(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in seen if process is not None]


def with_descendants(roots: set[int], processes: list[Process]) -> set[int]:
    """Return the ids of these processes and of all their descendants."""
    children = defaultdict(list)
    for process in processes:
        children[process.parent].append(process.pid)
    family, new = set(roots), list(roots)
    while new:
        new = [child for parent in new for child in children[parent] if child not in family]
        family.update(new)
    return family


def send(number: int, pids: set[int]) -> None:
    """Send a signal to each of these processes that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def boot_id() -> str:
    """Return the identity of this boot of the machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def pid_namespace() -> str:
    """Return the identity of this namespace of process ids."""
    return os.readlink("/proc/self/ns/pid")


def digest_of(path: Path) -> str | None:
    """Return the hash of a file; None if there is no such file."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def put_if_absent(path: Path, content: dict[str, Any]) -> bool:
    """Store the content durably under this path unless it is taken; return whether this call stored it."""
    temporary = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    # The name cannot be guessed, and a link in its place is not followed.
    opened = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with open(opened, "w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True


def oom_kills() -> int:
    """Return how many processes the kernel killed to free memory, in this control group or else on this machine."""
    for path in (*_memory_events(), Path("/proc/vmstat")):
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        if counts := [line.split()[1] for line in lines if line.startswith("oom_kill ")]:
            return int(counts[0])
    return 0


def _memory_events() -> list[Path]:
    root, found = Path("/sys/fs/cgroup"), []
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, group = line.split(":", 2)
        if "memory" in controllers.split(","):
            found.append(root / "memory" / group.lstrip("/") / "memory.oom_control")
        elif number == "0":
            found.append(root / group.lstrip("/") / "memory.events")
    # In a container the group may have its outer name, although only the part below it is visible.
    return [*found, root / "memory.events", root / "memory" / "memory.oom_control"]


class Command:
    """The evaluation's first process, and whether any process of the evaluation is left."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None
        self.gone = False

    def reap(self) -> None:
        """Collect the exit status of every child that has died."""
        while not self.gone:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                # Orphans come back to the subreaper: no child means no descendant.
                self.gone = True
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = os.waitstatus_to_exitcode(status)


class Reasons:
    """The reasons to stop an evaluation while its command runs, from its `start.json`.

    If there is a `parent`, the evaluation ends when that process dies or is suspended for more than `silence` seconds.
    With `result_ends`, the evaluation is over when its result exists, and its writer has `grace` to end by itself.
    """

    def __init__(self, folder: Path, start: dict[str, Any], began: float) -> None:
        self.deadline, self.grace = began + start["time_limit"], start["grace"]
        self.parent, self.silence = start.get("parent"), start.get("silence", float("inf"))
        self.result = folder / "result.json" if start.get("result_ends") else None
        self.parent_stopped: float | None = None
        self.result_seen: float | None = None

    def pause(self) -> float:
        """Return how many seconds may pass before the next check."""
        looks = self.parent is not None or self.result is not None
        return max(min(self.deadline - time.monotonic(), _LOOK_AROUND if looks else _LONGEST_WAIT), 0.0)

    def found(self) -> str | None:
        """Return the reason to stop the evaluation now; None if there is no reason."""
        now = time.monotonic()
        if now >= self.deadline:
            return "timeout"
        if self.parent is not None and self._parent_is_gone(self.parent, now):
            return "cancelled"
        if self.result is None or not self.result.is_file():
            return None
        self.result_seen = self.result_seen or now
        return "returned" if now - self.result_seen >= self.grace else None

    def killed_late(self, status: int) -> str | None:
        """Return `timeout` if the command was killed after its time limit: the process that waits for it did that."""
        return "timeout" if status == -signal.SIGKILL and time.monotonic() >= self.deadline else None

    def _parent_is_gone(self, parent: int, now: float) -> bool:
        process = read_process(parent)
        if process is None or os.getppid() != parent:
            return True
        self.parent_stopped = (self.parent_stopped or now) if process.state == STOPPED else None
        return self.parent_stopped is not None and now - self.parent_stopped > self.silence


def supervise(folder: Path) -> None:
    """Run the command in this folder's `start.json`, unless the attempt has already been claimed."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    start = json.loads((folder / "start.json").read_text())
    began, mark = time.monotonic(), os.urandom(8).hex()
    if not _claim(folder, {"mark": mark, "key": start.get("key"), "began": began}):
        return
    _become_parent_of_orphans()
    killed_before = oom_kills()
    try:
        command = Command(_spawn(folder, start))
    except OSError as problem:
        error = {"mark": mark, "start_error": str(problem), "start_errno": problem.errno}
        put_if_absent(folder / "exit.json", error)
        return
    reasons = Reasons(folder, start, began)
    why_stopped = _wait(command, reasons, folder / "stop.json")
    if why_stopped:
        _ask_to_end(command, start["grace"])
    # The time that an evaluation hung after it had stored its result does not count.
    ended = (reasons.result_seen if why_stopped == "returned" else None) or time.monotonic()
    _kill(command)
    said = {"mark": mark, "status": command.status, "stopped": why_stopped, "seconds": ended - began}
    said |= {"oom_kills": oom_kills() - killed_before, "result": digest_of(folder / "result.json")}
    put_if_absent(folder / "exit.json", said)


def _claim(folder: Path, said: dict[str, Any]) -> bool:
    own = read_process(os.getpid())
    assert own is not None
    said |= {"pid": own.pid, "ticks": own.ticks, "boot": boot_id(), "namespace": pid_namespace()}
    return put_if_absent(folder / "claim.json", said)


def _become_parent_of_orphans() -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "cannot become the parent of orphaned processes")


def _spawn(folder: Path, start: dict[str, Any]) -> int:
    os.chdir(start["folder"])
    written = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.posix_spawnp(
        start["command"][0],
        start["command"],
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(folder / "stdout"), written, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, str(folder / "stderr"), written, 0o600),
        ],
        setpgroup=0,
        # The evaluation must not inherit this process's signal mask, or the signals that Python ignores.
        setsigmask=[],
        setsigdef=[*_HEARD, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ],
    )


def _wait(command: Command, reasons: Reasons, asked: Path) -> str | None:
    """Wait until the command ends; return the reason if it must be stopped first.

    A signal comes from a controller if the file `asked` exists, and otherwise from elsewhere.
    """
    while True:
        command.reap()
        if command.status is not None:
            return reasons.killed_late(command.status)
        if why := reasons.found():
            return why
        heard = signal.sigtimedwait(_HEARD, reasons.pause())
        if heard is not None and heard.si_signo != signal.SIGCHLD:
            # A supervisor that was suspended beyond the time limit receives the signal before it checks the clock.
            return "cancelled" if asked.exists() else reasons.found() or "foreign_signal"


def _ask_to_end(command: Command, grace: float) -> None:
    deadline = time.monotonic() + grace
    asked = _descendants()
    # A suspended process receives SIGTERM only once it is resumed.
    for number in (signal.SIGTERM, signal.SIGCONT):
        send(number, asked)
    while not command.gone and time.monotonic() < deadline:
        signal.sigtimedwait({signal.SIGCHLD}, _GLANCE)
        command.reap()


def _kill(command: Command) -> None:
    while not command.gone:
        send(signal.SIGKILL, _descendants())
        signal.sigtimedwait({signal.SIGCHLD}, _GLANCE)
        command.reap()


def _descendants() -> set[int]:
    return with_descendants({os.getpid()}, all_processes()) - {os.getpid()}


if __name__ == "__main__":
    supervise(Path(sys.argv[1]))
