"""Run all parts one after the other, each in a process that is killed at its deadline, and keep what was found."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from benchmarks.speed.gpu.estimate import estimate
from benchmarks.speed.gpu.lines import Line, report, write_lines
from benchmarks.speed.gpu.parts import PARTS, Part
from benchmarks.speed.gpu.setting import Setting
from benchmarks.speed.results import Row, write

_ROOT = Path(__file__).resolve().parents[3]
# A part is asked to end this long before it is killed, so that it can end the servers that it has started.
_SECONDS_TO_END = 8.0
_LAST_WORDS = 1500
LINES, ASKS, REPORT, LOG = "gpu-lines.parquet", "gpu-asks.parquet", "gpu.md", "gpu.log"


def measure_gpu(setting: Setting, out: Path, limit_seconds: float, parts: Sequence[Part] = PARTS) -> None:
    """Run the parts within the limit; the files in `out` are rewritten after every finding."""
    began, expected = time.monotonic(), estimate(setting)
    print(expected, flush=True)
    out.mkdir(parents=True, exist_ok=True)
    kept = _Kept(out, expected)
    for part in parts:
        left = began + part.ends * limit_seconds - time.monotonic()
        for finding in findings(part, replace(setting, began=time.monotonic()), left, out / LOG):
            kept.keep(finding)
    print(f"{time.monotonic() - began:.0f} s in all; {out / REPORT}", flush=True)


class _Kept:
    """What was found so far, in memory and in the files."""

    def __init__(self, out: Path, expected: str) -> None:
        self.out, self.expected = out, expected
        self.lines: list[Line] = []
        self.rows: list[Row] = []

    def keep(self, finding: Line | Row) -> None:
        """Print a finding, and rewrite the files."""
        if isinstance(finding, Line):
            self.lines.append(finding)
            write_lines(self.lines, self.out / LINES)
            print(f"{finding.part}: {finding.what}: {finding.reached}", flush=True)
        else:
            self.rows.append(finding)
            write(self.rows, self.out / ASKS)
            took = finding.error or f"{finding.seconds:.3f} s"
            print(f"asks: n = {finding.n}, {finding.contestant}: {took}", flush=True)
        (self.out / REPORT).write_text(report(self.lines, self.rows, self.expected))


def findings(part: Part, setting: Setting, seconds: float, log: Path) -> Iterator[Line | Row]:
    """Yield the findings of a part, and a line if it did not run to its end."""
    if seconds <= _SECONDS_TO_END:
        yield Line(part.name, "the whole part", "not measured: no time was left")
        return
    with log.open("ab") as output:
        output.write(f"\n== {part.name} ==\n".encode())
        output.flush()
        began = output.tell()
        process = _started(part, replace(setting, seconds=seconds - 2 * _SECONDS_TO_END), output.fileno())
    over = _ended_after(process, seconds - _SECONDS_TO_END)
    try:
        assert process.stdout is not None
        with process.stdout as lines:
            yield from map(_finding, lines)
        code = process.wait()
    finally:
        for timer in over:
            timer.cancel()
        _kill(process, signal.SIGKILL)
    if code:
        taken = time.monotonic() - setting.began
        last = log.read_bytes()[began:].decode(errors="replace").strip()[-_LAST_WORDS:].splitlines()
        why = f"ended early (code {code}): {last[-1] if last else 'it printed nothing'}"
        stopped = f"stopped after {taken:.0f} s, when its time was over"
        over_time = taken >= seconds - _SECONDS_TO_END
        yield Line(part.name, "the whole part", stopped if over_time else why, "to its end", held=False)


def _started(part: Part, setting: Setting, log: int) -> "subprocess.Popen[str]":
    # The servers for the last part are those of the tests.
    path = os.pathsep.join([str(_ROOT), str(_ROOT / "tests" / "support"), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.speed.gpu.part", part.function, setting.as_json()],
        env=os.environ | {"PYTHONPATH": path.rstrip(os.pathsep)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        start_new_session=True,
    )


def _ended_after(process: "subprocess.Popen[str]", seconds: float) -> list[threading.Timer]:
    """Return started timers that ask the process to end after some seconds, and kill it soon after."""
    timers = [
        threading.Timer(seconds, _kill, (process, signal.SIGTERM)),
        threading.Timer(seconds + _SECONDS_TO_END, _kill, (process, signal.SIGKILL)),
    ]
    for timer in timers:
        timer.daemon = True
        timer.start()
    return timers


def _kill(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """Send a signal to the process, or to it and all that it started in its session if it must die."""
    with suppress(ProcessLookupError):
        if number == signal.SIGTERM:
            process.send_signal(number)
        else:
            os.killpg(process.pid, number)


def _finding(line: str) -> Line | Row:
    [(kind, fields)] = json.loads(line).items()
    return Line(**fields) if kind == "line" else Row(**fields)
