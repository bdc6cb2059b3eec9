"""Watch over one evaluation: start it once, end it in time with all its descendants, and leave word of how it ended.

A script that outlives the controller. It imports nothing but the standard library, because it starts for every
attempt. Its own environment is the evaluation's, so that no secret is written to a file on the way.
"""

import ctypes
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
_LONGEST_WAIT = 3600.0
_GLANCE = 0.05
_LOOK_AFTER_PARENT = 1.0


class Process(NamedTuple):
    """A living process; its id and start ticks together are never given to another one until the next boot."""

    pid: int
    parent: int
    session: int
    ticks: int


def read_process(pid: int) -> Process | None:
    """Return the living process of this id; one that only waits to be reaped does not live."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    # The name in parentheses may hold spaces and parentheses itself.
    fields = text.rpartition(")")[2].split()
    # A process whose first thread has ended looks dead while its other threads run.
    if fields[0] in "ZX" and int(fields[17]) <= 1:
        return None
    return Process(pid=pid, parent=int(fields[1]), session=int(fields[3]), ticks=int(fields[19]))


def all_processes() -> list[Process]:
    """Return every living process that can be seen."""
    seen = (read_process(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return [process for process in seen if process is not None]


def with_descendants(roots: set[int], processes: list[Process]) -> set[int]:
    """Return the ids of these processes and of everything that they started."""
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
    """Return what tells this boot of the machine from every other one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def put_if_absent(path: Path, content: dict[str, Any]) -> bool:
    """Store the content durably under this path unless something is there; tell whether this call did."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}-{time.time_ns()}")
    with temporary.open("x") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    try:
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
    """Return how often the kernel killed for want of memory: in this control group if that is told, else at all."""
    for path in (*_memory_events(), Path("/proc/vmstat")):
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        counts = [line.split()[1] for line in lines if line.startswith("oom_kill ")]
        if counts:
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
    # In a container the group may bear its outer name, while only what is below it can be seen.
    return [*found, root / "memory.events", root / "memory" / "memory.oom_control"]


class Command:
    """The evaluation's first process, and whether anything of it is left."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.status: int | None = None
        self.gone = False

    def reap(self) -> None:
        """Collect everything that has died."""
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


def supervise(folder: Path) -> None:
    """Run what `start.json` in this folder says, unless somebody has claimed the attempt before."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if not _claim(folder):
        return
    start = json.loads((folder / "start.json").read_text())
    _become_parent_of_orphans()
    began, killed_before = time.monotonic(), oom_kills()
    try:
        command = Command(_spawn(folder, start))
    except OSError as problem:
        put_if_absent(folder / "exit.json", {"start_error": str(problem), "start_errno": problem.errno})
        return
    why_stopped = _wait(command, began + start["time_limit"], start.get("parent"), folder / "stop.json")
    if why_stopped:
        _ask_to_end(command, start["grace"])
    seconds = time.monotonic() - began
    _kill(command)
    ended = {"status": command.status, "stopped": why_stopped, "seconds": seconds}
    put_if_absent(folder / "exit.json", {**ended, "oom_kills": oom_kills() - killed_before})


def _claim(folder: Path) -> bool:
    own = read_process(os.getpid())
    assert own is not None
    return put_if_absent(folder / "claim.json", {"pid": own.pid, "ticks": own.ticks, "boot": boot_id()})


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
        # Our mask and what Python ignores are not the evaluation's business.
        setsigmask=[],
        setsigdef=[*_HEARD, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ],
    )


def _wait(command: Command, deadline: float, parent: int | None, asked: Path) -> str | None:
    """Wait for the command's end; return why it must be stopped before, if it must: also after `parent`'s death.

    A signal is a controller's if `asked` is there, and else a stranger's.
    """
    longest = _LONGEST_WAIT if parent is None else _LOOK_AFTER_PARENT
    while True:
        command.reap()
        if command.status is not None:
            return None
        left = deadline - time.monotonic()
        if left <= 0:
            return "timeout"
        heard = signal.sigtimedwait(_HEARD, min(left, longest))
        if heard is not None and heard.si_signo != signal.SIGCHLD:
            return "cancelled" if asked.exists() else "foreign_signal"
        if parent is not None and os.getppid() != parent:
            return "cancelled"


def _ask_to_end(command: Command, grace: float) -> None:
    deadline = time.monotonic() + grace
    send(signal.SIGTERM, _descendants())
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
