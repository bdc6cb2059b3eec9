"""Read the log that the evaluations themselves wrote: the actions and the result of each attempt."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Evaluated:
    """One attempt according to its own processes; `began` holds the start of each process.

    `point` is the requested point. `alone` is False if another evaluation of the trial was alive. `room` is False if
    living evaluations occupied every worker of the campaign.
    """

    key: str
    trial: int
    attempt: int
    point: Mapping[str, Any]
    began: list[float] = field(default_factory=list)
    found: float | None = None
    stored: bool = False
    alone: bool = True
    room: bool = True


def read_evaluations(log: Path) -> Mapping[str, Evaluated]:
    """Return every attempt that any process evaluated, by its key."""
    evaluated: dict[str, Evaluated] = {}
    for line in log.read_text().splitlines():
        said = json.loads(line)
        key = said["key"]
        match said["said"]:
            case "began":
                asked = Evaluated(key, said["trial"], said["attempt"], said["point"])
                evaluated.setdefault(key, asked).began.append(said["time"])
            case "found":
                evaluated[key].found = said["value"]
            case "stored":
                evaluated[key].stored = True
            case "another one lives":
                evaluated[key].alone = False
            case "no worker is free":
                evaluated[key].room = False
    return evaluated
