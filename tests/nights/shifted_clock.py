"""A clock on the wall that a test sets, for whole processes: its seconds last a second, and it can be put forward.

`shifted_clock.c` is preloaded into them. Debian's libfaketime 0.9.10 is not: with a monotonic clock left alone, its
`clock_nanosleep` fails, and so does every `time.sleep` of Python.
"""

import mmap
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SOURCE = Path(__file__).with_name("shifted_clock.c")
_BYTES = 8


class ShiftedClock:
    """What the clock of everybody shows who was started with its environment; `folder` is to be its own."""

    def __init__(self, folder: Path) -> None:
        self._library, file = folder / "shifted_clock.so", folder / "seconds"
        compile_it = ["cc", "-shared", "-fPIC", "-O2", "-o", str(self._library), str(_SOURCE), "-ldl"]
        subprocess.run(compile_it, check=True)
        file.write_bytes(bytes(_BYTES))
        with file.open("r+b") as opened:
            # One store of one number: nobody reads a half of it.
            self._seconds = memoryview(mmap.mmap(opened.fileno(), _BYTES)).cast("q")
        self.environment = {"LD_PRELOAD": str(self._library), "SHIFTED_CLOCK": str(file)}

    def now(self) -> datetime:
        """Return what it shows, in UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._seconds[0])

    def set_to(self, moment: datetime) -> None:
        """Let it show this moment, to the second, from now on."""
        self._seconds[0] = round((moment - datetime.now(UTC)).total_seconds())
