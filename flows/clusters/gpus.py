"""The GPUs of this host, and the locks by which each evaluation that runs here holds its own."""

import asyncio
import fcntl
import os
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from overnight.evaluators.processes.private_folder import open_private, private_folder

VISIBLE = "CUDA_VISIBLE_DEVICES"
_DRIVER = ("nvidia-smi", "--query-gpu=index", "--format=csv,noheader")
_ANSWER_SECONDS = 20.0
_PAUSE = 0.2


def find_gpus(devices: Path = Path("/dev")) -> tuple[str, ...]:
    """Return the GPUs that this process may use, named as in `CUDA_VISIBLE_DEVICES`.

    If that variable is set, its entries are the GPUs. Otherwise they are numbered by `nvidia-smi` or, if it lists none,
    by the driver's files in `devices`.
    """
    if (listed := os.environ.get(VISIBLE)) is not None:
        return _listed(listed)
    if numbers := _numbered_by_driver():
        return numbers
    # In a container the files keep the numbers of the host, but CUDA counts those that are there.
    return tuple(str(number) for number, _ in enumerate(devices.glob("nvidia[0-9]*")))


def _listed(value: str) -> tuple[str, ...]:
    """Return the entries of a list up to the first one that is not a GPU, as CUDA reads it: `0,1,-1,2` has two."""
    found = dict[str, None]()
    for entry in (each.strip() for each in value.split(",")):
        # Slurm hides all GPUs by a name that no GPU has.
        if not entry or entry.startswith("-") or entry == "NoDevFiles":
            break
        found[entry] = None
    return tuple(found)


def _numbered_by_driver() -> tuple[str, ...]:
    try:
        answer = subprocess.run(
            _DRIVER, capture_output=True, text=True, check=True, timeout=_ANSWER_SECONDS, stdin=subprocess.DEVNULL
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in answer.splitlines() if line.strip().isdigit())


@dataclass(frozen=True)
class HeldGpus:
    """The GPUs that an attempt holds, and the open files with their locks."""

    names: tuple[str, ...]
    locks: dict[str, int]

    @property
    def variable(self) -> str:
        """Return the environment variable by which the evaluation sees these GPUs alone."""
        return f"{VISIBLE}={','.join(self.names)}"

    def close(self) -> None:
        """Close this process's files; processes that have inherited them still hold the GPUs."""
        for file in self.locks.values():
            os.close(file)


class HostGpus:
    """The GPUs of this host for one campaign, of which an attempt holds `each` while it runs.

    A GPU is held by a lock on its file in `folder`. The processes of an evaluation inherit the open file, so the kernel
    keeps the lock until the last of them has ended, whatever happens to the controller. The next controller needs no
    record: it finds the GPUs of running evaluations locked, and all others free.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        each: int,
        folder: Path,
        notify: Callable[[str], None],
        longest_wait: timedelta = timedelta(days=1),
    ) -> None:
        self.names, self.each, self.folder, self.longest_wait = names, each, folder, longest_wait
        self._notify = notify
        # The GPU that was taken longest ago comes first, so a retry gets another one than the attempt that failed.
        self._order = list(names)
        self._turn = asyncio.Lock()

    async def take(self, key: str) -> HeldGpus | None:
        """Return GPUs that no other attempt holds, for the attempt with this key; None if the wait is too long.

        Attempts receive theirs in the order in which they ask. A wait is rare: evaluations of an earlier controller may
        hold GPUs that this one does not have, or `workers` may have been revised.
        """
        passed = asyncio.get_running_loop().time
        begun, told = passed(), False
        async with self._turn:
            while (held := self._free(key)) is None:
                if not told:
                    told = True
                    self._notify(self._why_it_waits())
                if passed() - begun > self.longest_wait.total_seconds():
                    return None
                await asyncio.sleep(_PAUSE)
        return held

    def _free(self, key: str) -> HeldGpus | None:
        """Lock as many free GPUs as an attempt needs, all or none."""
        private_folder(self.folder)
        locks = dict[str, int]()
        try:
            for name in self._order:
                if len(locks) < self.each and (lock := self._lock(name, key)) is not None:
                    locks[name] = lock
        finally:
            # Also after an error, such as a file system without locks.
            if len(locks) < self.each:
                HeldGpus((), locks).close()
        if len(locks) < self.each:
            return None
        self._order.sort(key=lambda name: name in locks)
        return HeldGpus(tuple(name for name in self.names if name in locks), locks)

    def _lock(self, name: str, key: str) -> int | None:
        """Return the open file of a GPU with its lock; None if another attempt has it."""
        with open_private(self._file(name)) as opened:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None
            # Only people read the key, so a full disk does no harm.
            with suppress(OSError):
                opened.truncate(0)
                os.write(opened.fileno(), key.encode())
            return os.dup(opened.fileno())

    def _file(self, name: str) -> Path:
        return self.folder / f"gpu-{quote(name, safe='')}"

    def _why_it_waits(self) -> str:
        return (
            f"An attempt waits until {self.each} of the GPUs {', '.join(self.names)} can be held. Evaluations that "
            f"still run hold the others; the files in {self.folder} name them."
        )
