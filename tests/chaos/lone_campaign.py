"""Run a campaign with `overnight run` in a folder of its own, with the Prefect server that it starts for itself."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from evaluation_log import read_evaluations
from judge import Evidence
from operation import NAME
from prefect_on_postgres import without_prefect
from read_ledgers import damage_of, events_of
from victims import Scene

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.flows.replay.again import replay
from overnight.storage import ParquetLedger, open_ledger

_REPOSITORY = Path(__file__).parents[2]
_LOOK = 0.2
_LONGEST = 600.0
_SECONDS_TO_LEAVE = 30.0


class LoneCampaign:
    """A campaign written into this folder, and the process that runs it."""

    def __init__(self, folder: Path, trials: int) -> None:
        self.folder, self.trials = folder, trials
        self.controller: subprocess.Popen[bytes] | None = None

    @property
    def ledger(self) -> ParquetLedger:
        """Return the campaign's ledger."""
        return open_ledger(str(self.folder / "ledger"), NAME, self.folder)

    @property
    def output(self) -> str:
        """Return all output of the terminal."""
        return (self.folder / "output.log").read_text()

    def start(self) -> None:
        """Run the campaign, or resume it, as a person would."""
        with (self.folder / "output.log").open("ab") as output:
            self.controller = subprocess.Popen(
                [sys.executable, "-m", "overnight", "run", "campaign.yaml"],
                cwd=self.folder,
                # The folder in the environment identifies the campaign's processes.
                env={**without_prefect(os.environ), "PYTHONPATH": str(_REPOSITORY), "CHAOS": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def read(self) -> History:
        """Return the current history; an empty one if the ledger does not exist yet."""
        try:
            return History.from_events(asyncio.run(events_of(self.ledger)))
        except (LedgerError, FileNotFoundError):
            return History()

    def wait_until(self, true: Callable[[History], bool]) -> None:
        """Return once the history meets a condition; raise RuntimeError if the campaign ends first or is too slow."""
        assert self.controller is not None
        deadline = time.monotonic() + _LONGEST
        while not true(self.read()):
            if self.controller.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the campaign did not get so far:\n{self.output}")
            time.sleep(_LOOK)

    def wait(self) -> None:
        """Return when the process has ended; one that takes too long is killed, and the judge finds it unfinished."""
        assert self.controller is not None
        try:
            self.controller.wait(_LONGEST)
        except subprocess.TimeoutExpired:
            self.kill_everything()

    def kill_everything(self) -> None:
        """Kill every process that has the folder in its environment."""
        while victims := Scene.of(self.folder).victims:
            for victim in victims:
                victim.kill()
        if self.controller is not None:
            self.controller.wait()

    def evidence(self, *, rolled_back: bool = False) -> Evidence:
        """Return the evidence of the campaign, once it has ended."""
        left = self._left_over()
        events = asyncio.run(events_of(self.ledger))
        return Evidence(
            trials=self.trials,
            events=events,
            evaluated=read_evaluations(self.folder / "evaluations.log"),
            left=left,
            damage=damage_of(self.ledger),
            replayed=list(replay(events, self.folder)),
            rolled_back=rolled_back,
        )

    def _left_over(self) -> list[str]:
        deadline = time.monotonic() + _SECONDS_TO_LEAVE
        while left := Scene.of(self.folder).victims:
            if time.monotonic() > deadline:
                return [victim.command.replace(b"\0", b" ").decode(errors="replace") for victim in left]
            time.sleep(_LOOK)
        return []


def ended(history: History) -> int:
    """Return how many trials have an outcome."""
    return sum(trial.outcome is not None for trial in history.trials.values())
