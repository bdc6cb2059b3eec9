"""Read the measurements that an evaluation reports while it still runs."""

import os
import stat
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from overnight.campaign.evaluation import EvaluationReport, EvaluationRequest
from overnight.campaign.result import bounded, read_metrics
from overnight.evaluators.evaluator import Report
from overnight.evaluators.results.arm_results import read_arms
from overnight.evaluators.results.written_result import InvalidResult, read_json
from overnight.evaluators.secrets.environment import Redaction

LONGEST_LINE = 1 << 20
LARGEST_FILE = 1 << 26
MOST_REPORTS = 10_000
_MOST_NOTES = 100


class ReportLines:
    """Passes on each line of a growing file once, without secrets, and notes which parts were ignored.

    Each line is one report; `ignored` counts the lines that are invalid. Lines beyond the limits are not read. If a
    metric of a report is invalid, its other metrics still count.
    """

    def __init__(
        self,
        path: Path,
        report: Report,
        redaction: Redaction,
        asked: Collection[str] = (),
        *,
        batch: EvaluationRequest | None = None,
    ) -> None:
        """Read a file; `batch` is the request if it is for the arms of a batch, each of which reports."""
        self._path = path
        self._report = report
        self._redaction = redaction
        self._asked = asked
        self._batch = batch
        self._position = 0
        self._within_long_line = False
        self._passed_on = 0
        self._surplus = 0
        self._notes: dict[str, None] = {}
        self.ignored = 0

    def read(self) -> bool:
        """Pass on the lines completed since the last call, or some of them if there are many.

        Return whether there may be more.
        """
        new = self._new_bytes()
        complete = new.rfind(b"\n") + 1
        if complete:
            self._position += complete
            for line in new[: complete - 1].split(b"\n"):
                self._take(line)
        elif new and len(new) == self._room():
            self._position += len(new)
            self._within_long_line = True
        else:
            return False
        return True

    def read_rest(self) -> None:
        """Pass on the remaining lines once the evaluation has ended; a torn last line does not count as ignored."""
        while self.read():
            pass
        last = self._new_bytes()
        if self._within_long_line:
            self.ignored += 1
        elif last.strip() and self._passed_on < MOST_REPORTS:
            self._pass_on(last)

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each kind of content that was ignored."""
        notes = list(self._notes)
        if self.ignored:
            notes.append(f"{self.ignored} lines of reports were ignored: expected a step and finite metrics")
        if self._surplus:
            notes.append(f"{self._surplus} reports were ignored: expected at most {MOST_REPORTS} from one attempt")
        if self._position >= LARGEST_FILE:
            notes.append(f"reports were read up to {LARGEST_FILE} bytes, and the rest was ignored")
        return bounded(notes)

    def _new_bytes(self) -> bytes:
        try:
            # Anything but a regular file, such as a pipe, could block forever.
            with open(os.open(self._path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return b""
                file.seek(self._position)
                return file.read(self._room())
        except OSError:
            return b""

    def _room(self) -> int:
        return min(LONGEST_LINE, LARGEST_FILE - self._position)

    def _take(self, line: bytes) -> None:
        if self._within_long_line:
            self._within_long_line = False
            self.ignored += 1
        elif not line.strip():
            return
        elif self._passed_on >= MOST_REPORTS:
            self._surplus += 1
        else:
            self.ignored += not self._pass_on(line)

    def _pass_on(self, line: bytes) -> bool:
        try:
            written = read_json(line)
            report = self._as_report(*_step_and_metrics(written)) if self._batch is None else self._of_arms(written)
        except (ValueError, ValidationError, InvalidResult):
            return False
        if report is None:
            return False
        self._passed_on += 1
        self._report(report)
        return True

    def _as_report(self, step: Any, found: dict[str, Any]) -> EvaluationReport | None:
        # Redacted before a note truncates anything, since half of a secret would remain otherwise.
        read = read_metrics(self._redaction.metrics(found, self._asked), asked=())
        self._note(read.notes)
        return EvaluationReport(step=step, metrics=read.metrics) if read.metrics else None

    def _of_arms(self, written: Any) -> EvaluationReport | None:
        """Return the report of each arm of a batch that has any usable metric."""
        assert self._batch is not None
        if not isinstance(written, dict):
            raise ValueError("expected an object with a step")
        found, notes = read_arms(written.get("arms"), self._batch, self._redaction, asked=())
        self._note([*notes, *(note for arm in found.values() for note in arm.notes)])
        arms = {trial: arm.metrics for trial, arm in found.items() if arm.metrics}
        step: Any = written.get("step")
        return EvaluationReport(step=step, arms=arms) if arms else None

    def _note(self, notes: Iterable[str]) -> None:
        if len(self._notes) < _MOST_NOTES:
            self._notes |= {f"in reports, {note}": None for note in notes}


def _step_and_metrics(line: Any) -> tuple[Any, dict[str, Any]]:
    """Return the step and the metrics of a report, which may also be at its top level; raises ValueError."""
    if not isinstance(line, dict) or "step" not in line:
        raise ValueError("expected an object with a step")
    metrics = line.get("metrics")
    if isinstance(metrics, dict):
        return line["step"], metrics
    return line["step"], {name: value for name, value in line.items() if name != "step"}
