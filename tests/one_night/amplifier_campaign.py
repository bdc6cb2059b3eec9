"""The campaign of the example `hardware_opamp` for two nights, and the log that its evaluations keep."""

import asyncio
import difflib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from read_ledgers import events_of

from overnight.campaign.history.events import Event
from overnight.campaign.window import Window
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.storage import ParquetLedger, open_ledger

EXAMPLE = Path(__file__).parents[2] / "examples" / "hardware_opamp"
LEDGER = "s3://ledger/nights"
_LOGGED = "logged_amplifier"
_NIGHTS = """
ledger: {ledger}
receipts: ./kept.jsonl
proposing: {{pool: {pool}, time_limit: 2m}}
window: {window}
"""


@dataclass
class Evaluated:
    """One attempt as recorded by its own processes; `found` is None if none of them lived to record its figures."""

    key: str
    began: list[datetime] = field(default_factory=list)
    found: Mapping[str, float] | None = None


class AmplifierCampaign:
    """The campaign of the example in its own folder, with a window, a ledger in a bucket, and a pool that proposes."""

    def __init__(self, folder: Path, window: str, pool: str) -> None:
        self.folder, self._window, self._pool = folder, window, pool
        self.log = folder / "evaluations.log"

    def write(self, trials: int, seed: int, environment: Mapping[str, str]) -> None:
        """Copy the example, and change its file; its evaluations also get the variables of `environment`."""
        self.folder.mkdir()
        for name in ("amplifier.py", "simulator.py"):
            shutil.copy(EXAMPLE / name, self.folder)
        shutil.copy(Path(__file__).with_name(f"{_LOGGED}.py"), self.folder)
        self.log.touch()
        more = {**environment, "EVALUATION_LOG": str(self.log)}
        variables = json.dumps([f"{name}={value}" for name, value in more.items()])
        text = (EXAMPLE / "campaign.yaml").read_text()
        for old, new in (
            ("  function: amplifier:evaluate\n", f"  function: {_LOGGED}:evaluate\n  environment: {variables}\n"),
            ("budget: {trials: 120}\n", f"budget: {{trials: {trials}}}\nseed: {seed}\n"),
        ):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        text += _NIGHTS.format(ledger=LEDGER, pool=self._pool, window=self._window)
        self.file.write_text(text)

    @property
    def file(self) -> Path:
        """Return the path of the campaign's file."""
        return self.folder / "campaign.yaml"

    @property
    def name(self) -> str:
        """Return the campaign's name."""
        return load_campaign_file(self.file).campaign.name

    @property
    def window(self) -> Window:
        """Return the campaign's window."""
        window = load_campaign_file(self.file).campaign.window
        assert isinstance(window, Window)
        return window

    @property
    def time_limit(self) -> timedelta:
        """Return the time limit of one evaluation."""
        return load_campaign_file(self.file).evaluator.time_limit

    @property
    def report(self) -> Path:
        """Return the path of the report that `overnight report` writes."""
        return self.folder / f"{self.name}-report.html"

    def changes(self) -> str:
        """Return the lines in which the file differs from the example's."""
        before, now = (path.read_text().splitlines() for path in (EXAMPLE / "campaign.yaml", self.file))
        lines = difflib.unified_diff(before, now, n=0, lineterm="")
        return "\n".join(line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")) + "\n"

    @property
    def ledger(self) -> ParquetLedger:
        """Return the campaign's ledger; this process needs the credentials in its own environment."""
        return open_ledger(LEDGER, self.name, self.folder)

    def events(self) -> list[Event]:
        """Return the events written so far."""
        return asyncio.run(events_of(self.ledger))

    def evaluated(self) -> dict[str, Evaluated]:
        """Return the log of the evaluations themselves, by key."""
        return read_evaluations(self.log.read_text())


def read_evaluations(log: str) -> dict[str, Evaluated]:
    """Return every attempt that any process evaluated, by its key."""
    evaluated: dict[str, Evaluated] = {}
    for line in log.splitlines():
        said: dict[str, Any] = json.loads(line)
        one = evaluated.setdefault(said["key"], Evaluated(said["key"]))
        if said["said"] == "began":
            one.began.append(datetime.fromtimestamp(said["time"], UTC))
        else:
            one.found = said["found"]
    return evaluated
