"""A wall clock that a test sets for whole processes: it runs at normal speed and can be put forward.

`shifted_clock.c` is preloaded into these processes. Debian's libfaketime 0.9.10 would not work: if the monotonic clock
is left unchanged, its `clock_nanosleep` fails, and with it every `time.sleep` of Python.
"""

import mmap
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SOURCE = Path(__file__).with_name("shifted_clock.c")
_BYTES = 8


class ShiftedClock:
    """The clock of all processes that are started with its environment; `folder` must be its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._library, file = folder / "shifted_clock.so", folder / "seconds"
        compile_it = ["cc", "-shared", "-fPIC", "-O2", "-o", str(self._library), str(_SOURCE), "-ldl"]
        subprocess.run(compile_it, check=True)
        file.write_bytes(bytes(_BYTES))
        with file.open("r+b") as opened:
            # A single store of one number, so that no process reads half of it.
            self._seconds = memoryview(mmap.mmap(opened.fileno(), _BYTES)).cast("q")
        self.environment = {"LD_PRELOAD": str(self._library), "SHIFTED_CLOCK": str(file)}

    def now(self) -> datetime:
        """Return the time that the clock shows, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._seconds[0])

    def set_to(self, moment: datetime) -> None:
        """Set the clock to this moment, to the second."""
        self._seconds[0] = round((moment - datetime.now(UTC)).total_seconds())
