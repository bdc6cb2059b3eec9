"""Tune an amplifier in two nights, kill everything in the first one, and record the story: `make one-night`.

A Prefect server on PostgreSQL schedules the campaign, its ledger is in a bucket of an S3 server, and a work pool
computes the proposals. Time runs at normal speed; only the hours and minutes in which nothing is due are skipped.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from amplifier_campaign import AmplifierCampaign
from ending import end_as_by_ctrl_c
from flow_runs import FlowRun, flow_runs
from installation import CAMPAIGNS, PROPOSALS, Installation
from kill_judge import Evidence, Kill, judge
from night_page import ZONE, Facts, publish
from report_pictures import browser
from shifted_clock import ShiftedClock
from terminal import Terminal, Typed
from until import until

from overnight.campaign.history.events import LeaseTaken, TrialObserved

WINDOW = "22:00–22:17 Europe/Berlin"
SETUP = datetime(2026, 12, 1, 18, tzinfo=ZONE)
OPENINGS = (datetime(2026, 12, 1, 22, tzinfo=ZONE), datetime(2026, 12, 2, 22, tzinfo=ZONE))
# A quarter of an hour after the opening, the schedule looks after a controller that may have died.
AGAIN = OPENINGS[0] + timedelta(minutes=15)
MORNING = datetime(2026, 12, 3, 7, 30, tzinfo=ZONE)
_SETUP = ("overnight check campaign.yaml", f"overnight deploy campaign.yaml --pool {CAMPAIGNS}")
_STATUS = "overnight status campaign.yaml"
_MORNING = (_STATUS, *(f"overnight {name} campaign.yaml" for name in ("verify", "replay", "report")))
# Even if a busy machine has observed few trials by then.
_LATEST_KILL = timedelta(minutes=8)
_BEFORE = timedelta(seconds=20)
_SECONDS_DEAD = 20
# Generous, since other work may slow the machine down.
_LIMIT = 900.0


class OneNight:
    """Two nights of one campaign on one installation."""

    def __init__(self, folder: Path, trials: int, seed: int) -> None:
        (folder / "clock").mkdir()
        self.clock = ShiftedClock(folder / "clock")
        self.clock.set_to(SETUP)
        self.parts = Installation(folder, self.clock)
        self.campaign = AmplifierCampaign(folder / "amplifier", WINDOW, PROPOSALS)
        self.campaign.write(trials, seed, self.clock.environment)
        hidden = {f"{self.campaign.folder}/": "", str(folder): "~"}
        self.terminal = Terminal(self.parts.python, self.campaign.folder, hidden)
        self._trials = trials

    def spend(self, kill_after: int) -> tuple[Evidence, Facts]:
        """Set everything up, spend both nights, read the results in the morning, and return what is known then."""
        self.parts.start()
        # This process reads the ledger as well.
        os.environ.update(self.parts.s3_variables)
        setup = self._type(*_SETUP)
        if failed := next((typed for typed in setup if typed.code), None):
            raise RuntimeError(f"`{failed.command}` ended with {failed.code}:\n{failed.output}")
        kill = self._first_night(kill_after)
        self._opens(OPENINGS[1])
        self._await_end(OPENINGS[1])
        runs, given_up = self._runs(), self._given_up()
        self.clock.set_to(MORNING)
        morning = self._type(*_MORNING)
        evidence = Evidence(
            window=self.campaign.window,
            time_limit=self.campaign.time_limit,
            trials=self._trials,
            starts=tuple(start.astimezone(UTC) for start in (OPENINGS[0], AGAIN, OPENINGS[1])),
            events=self.campaign.events(),
            evaluated=self.campaign.evaluated(),
            runs=[run for run in runs if run.began is not None],
            kill=kill,
            morning=morning,
        )
        return evidence, Facts(
            self.terminal.without_hidden(self.campaign.changes()), setup, given_up, self.campaign.report
        )

    def _first_night(self, kill_after: int) -> Kill:
        self._opens(OPENINGS[0])
        until(lambda: self._is_time_to_kill(kill_after), "an evaluation is running", _LIMIT)
        seen, evaluating, at = self.campaign.events(), self._evaluating(), self.clock.now()
        processes = self.parts.kill_everything()
        self._tell(f"{sum(processes.values())} processes are killed")
        time.sleep(_SECONDS_DEAD)
        self.parts.start()
        again = self.clock.now()
        self._tell("everything runs again, apart from the campaign")
        standing = self._type(_STATUS)
        self._opens(AGAIN)
        self._await_end(AGAIN)
        return Kill(at, again, seen, evaluating, processes, standing[0])

    def _is_time_to_kill(self, kill_after: int) -> bool:
        """Return whether an evaluation runs and, unless it becomes late, a proposal is being computed as well."""
        late = self.clock.now() > OPENINGS[0] + _LATEST_KILL
        if not late and (self._observed() < kill_after or not self._proposing()):
            return False
        return self._evaluating() != ()

    def _proposing(self) -> bool:
        return any(run.state in ("Pending", "Running") for run in flow_runs(self.parts.ask, PROPOSALS))

    def _opens(self, due: datetime) -> None:
        """Skip the time until just before a scheduled start, and wait until a controller holds the campaign."""
        until(lambda: any(run.due == due for run in self._runs()), f"a run is scheduled for {due}", _LIMIT)
        before = self._leases()
        self.clock.set_to(due - _BEFORE)
        until(lambda: self._leases() > before, "a controller holds the campaign", _LIMIT)
        self._tell("a controller has begun")

    def _await_end(self, due: datetime) -> None:
        def ended() -> bool:
            return any(run.due == due and run.ended is not None for run in self._runs())

        until(ended, f"the run that was due {due} has ended", _LIMIT)
        self._tell(f"the run has ended, {self._observed()} trials are observed")

    def _runs(self) -> list[FlowRun]:
        return flow_runs(self.parts.ask, self.campaign.name)

    def _given_up(self) -> int:
        """Return how many runs of the pool that proposes a controller has given up because they had died."""
        crashed = {"state": {"type": {"any_": ["CRASHED"]}}}
        found = self.parts.ask(
            "/flow_runs/filter", {"deployments": {"name": {"any_": [PROPOSALS]}}, "flow_runs": crashed}
        )
        return sum("its time limit has passed" in (run["state"]["message"] or "") for run in found)

    def _observed(self) -> int:
        return sum(isinstance(event, TrialObserved) for event in self.campaign.events())

    def _leases(self) -> int:
        return sum(isinstance(event, LeaseTaken) for event in self.campaign.events())

    def _evaluating(self) -> tuple[str, ...]:
        return tuple(sorted({key for one in self.parts.scene().evaluations if (key := one.evaluates)}))

    def _type(self, *lines: str) -> list[Typed]:
        typed = []
        for line in lines:
            self._tell(line)
            typed.append(self.terminal.type(line, self.parts.environment))
        return typed

    def _tell(self, text: str) -> None:
        tell(f"{self.clock.now().astimezone(ZONE):%a %H:%M:%S}  {text}")


def main() -> int:
    """Spend the nights, write the page, and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--kill-after", type=int, default=24, metavar="N", help="kill everything after N results")
    parser.add_argument("--seed", type=int, help="of the campaign; another one each time without it")
    parser.add_argument("--keep", type=Path, help="an empty folder that is kept, to look at afterwards")
    asked = parser.parse_args()
    browser()
    end_as_by_ctrl_c()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="overnight-one-night-") as temporary:
        night = OneNight((asked.keep or Path(temporary)).resolve(), asked.trials, seed)
        try:
            evidence, facts = night.spend(asked.kill_after)
        finally:
            night.parts.kill_everything()
        faults = judge(evidence)
        for fault in faults:
            tell(fault)
        publish(evidence, facts, faults, f"Seed {seed}, {(time.monotonic() - began) / 60:.0f} minutes")
    return 1 if faults else 0


def tell(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
