"""Watch a process from outside during one ask: its peak memory, and how busy others kept the machine."""

import math
import os
import time
from contextlib import suppress
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


class Watch:
    """A watch that starts when created; answers are None if the system does not provide them."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        # Reset the kernel's peak. If this is not allowed, the peak is that of the process's whole life.
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._began, self._all, self._own = time.monotonic(), _busy_seconds(), self._cpu_seconds()

    def peak_rss(self) -> int | None:
        """Return the peak of the process's resident memory since the start, in bytes."""
        with suppress(OSError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return None

    def others(self) -> float | None:
        """Return how many cores all other processes together kept busy since the start."""
        wall = time.monotonic() - self._began
        others = _busy_seconds() - self._all - (self._cpu_seconds() - self._own)
        return None if math.isnan(others) or wall <= 0.0 else max(others / wall, 0.0)

    def _cpu_seconds(self) -> float:
        with suppress(OSError):
            after_name = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            return (int(after_name[11]) + int(after_name[12])) / _TICK
        return math.nan


def _busy_seconds() -> float:
    """Return the seconds that all cores together have been busy, including time stolen by a hypervisor."""
    with suppress(OSError):
        user, nice, system, _, _, irq, softirq, steal = map(
            int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
        )
        return (user + nice + system + irq + softirq + steal) / _TICK
    return math.nan
