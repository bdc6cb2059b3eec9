"""Reading what an evaluation measures on its way, while it still writes."""

import json
from pathlib import Path
from typing import Any

from campaign.evaluation import EvaluationReport, read_measurement
from evaluators.environment import Redaction
from evaluators.evaluator import Report


class ReportLines:
    """Passes on each line of a growing file once, without secrets; `ignored` counts those that make no sense."""

    def __init__(self, path: Path, report: Report, redaction: Redaction) -> None:
        self._path = path
        self._report = report
        self._redaction = redaction
        self._position = 0
        self.ignored = 0

    def read(self) -> None:
        """Pass on the lines that have been completed since the last call."""
        new = self._new_bytes()
        complete = new[: new.rfind(b"\n") + 1]
        self._position += len(complete)
        for line in complete.splitlines():
            if line.strip():
                self.ignored += not self._pass_on(line)

    def read_rest(self) -> None:
        """Pass on what is left when nobody writes any more; a torn last line is nobody's fault."""
        self.read()
        self._pass_on(self._new_bytes())

    def _new_bytes(self) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(self._position)
                return file.read()
        except FileNotFoundError:
            return b""

    def _pass_on(self, line: bytes) -> bool:
        try:
            report = _read_report(self._redaction.tree(json.loads(line)))
        except (ValueError, OverflowError, TypeError, AttributeError, KeyError, RecursionError):
            return False
        self._report(report)
        return True


def _read_report(line: Any) -> EvaluationReport:
    metrics = {name: read_measurement(value) for name, value in line["metrics"].items()}
    return EvaluationReport(step=line["step"], metrics=metrics)
