"""The campaigns of the two nights: their files and the evidence that they leave."""

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from read_ledgers import events_of

from overnight.campaign.history.events import Event
from overnight.campaign.window import Window
from overnight.storage import ParquetLedger, open_ledger

ZONE = "Europe/Berlin"
_CAMPAIGN = """
name: {name}
parameters:
  x: {{kind: float, low: 0, high: 1}}
  n: {{kind: int, low: 1, high: 20}}
minimize: loss
evaluator:
  kind: command
  command: [{python}, -S, -E, night_evaluation.py, {folder}/evaluations.log, {folder}/surprise, "{closes}"]
  time_limit: 100s
  environment: {environment}
workers: 3
budget: {{trials: {trials}}}
window: {{from: "22:00", to: "22:05", zone: {zone}, running: {running}}}
seed: {seed}
"""


@dataclass(frozen=True)
class Evaluated:
    """One attempt as recorded by its own process; `ended` is None after a kill that left no time to record it."""

    key: str
    began: tuple[datetime, ...]
    ended: datetime | None
    stopped: bool


class NightCampaign:
    """One campaign in a folder of its own, named after its window's treatment of running evaluations."""

    def __init__(self, folder: Path, running: str, trials: int, seed: int, environment: Mapping[str, str]) -> None:
        self.name, self.trials, self.folder = f"running-{running}", trials, folder
        self.window = Window.model_validate({"from": "22:00", "to": "22:05", "zone": ZONE, "running": running})
        self._environment, self._seed = environment, seed

    def write(self, first_opening: datetime) -> None:
        """Write the campaign's file and its evaluation; the overlong evaluation comes at the end of the first night."""
        self.folder.mkdir()
        shutil.copy(Path(__file__).with_name("night_evaluation.py"), self.folder)
        (self.folder / "evaluations.log").touch()
        closes = self.window.closes(first_opening)
        assert closes is not None
        text = _CAMPAIGN.format(
            name=self.name,
            python=sys.executable,
            folder=self.folder,
            closes=closes.timestamp(),
            environment=json.dumps([f"{name}={value}" for name, value in self._environment.items()]),
            trials=self.trials,
            zone=ZONE,
            running=self.window.running,
            seed=self._seed,
        )
        (self.folder / "campaign.yaml").write_text(text)

    @property
    def ledger(self) -> ParquetLedger:
        """Return the campaign's ledger."""
        return open_ledger(str(self.folder / "ledger"), self.name, self.folder)

    def events(self) -> list[Event]:
        """Return the events written so far."""
        if not (self.folder / "ledger").exists():
            return []
        return asyncio.run(events_of(self.ledger))

    def evaluated(self) -> dict[str, Evaluated]:
        """Return the log of the evaluations themselves, by key."""
        return read_evaluations((self.folder / "evaluations.log").read_text())


def read_evaluations(log: str) -> dict[str, Evaluated]:
    """Return every attempt that any process evaluated, by its key."""
    told: dict[str, list[tuple[str, datetime]]] = {}
    for line in log.splitlines():
        said = json.loads(line)
        told.setdefault(said["key"], []).append((said["said"], datetime.fromtimestamp(said["time"], UTC)))
    return {
        key: Evaluated(
            key=key,
            began=tuple(time for what, time in lines if what == "began"),
            ended=next((time for what, time in reversed(lines) if what != "began"), None),
            stopped=any(what == "stopped" for what, _ in lines),
        )
        for key, lines in told.items()
    }
