"""The most memory that a process held, told by Linux and counted from one ask to the next."""

from contextlib import suppress
from pathlib import Path


def forget_peak(pid: int) -> None:
    """Count a process's peak from now on; where the kernel does not allow it, the peak is that of its whole life."""
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_rss(pid: int) -> int | None:
    """Return the peak of a process's resident memory in bytes; None where the system does not tell."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
