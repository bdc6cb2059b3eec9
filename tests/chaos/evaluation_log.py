"""What the evaluations themselves wrote down, read again: by attempt, what it did and what it found."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flows.attempt_key import attempt_number


@dataclass
class Evaluated:
    """One attempt as its own processes told it; `began` holds a time for each process that did."""

    key: str
    began: list[float] = field(default_factory=list)
    found: float | None = None
    stored: bool = False
    alone: bool = True

    @property
    def trial(self) -> int:
        """Return the trial's number, as the key says it."""
        return int(self.key.split("/")[1])

    @property
    def attempt(self) -> int:
        """Return the attempt's number, as the key says it."""
        number = attempt_number(self.key.rpartition("/")[2])
        assert number is not None
        return number


def read_evaluations(log: Path) -> Mapping[str, Evaluated]:
    """Return every attempt that any process evaluated, by its key."""
    evaluated: dict[str, Evaluated] = {}
    for line in log.read_text().splitlines():
        told = json.loads(line)
        one = evaluated.setdefault(told["key"], Evaluated(told["key"]))
        match told["said"]:
            case "began":
                one.began.append(told["time"])
            case "found":
                one.found = told["value"]
            case "stored":
                one.stored = True
            case "another one lives":
                one.alone = False
    return evaluated
