"""Run two scheduled campaigns over two nights and record how they went: `make nights`, a quarter of an hour.

Only a Prefect server's own scheduler starts them. During a night, time runs at normal speed; the hours between the
nights are skipped by putting the clock of all processes forward.
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ending import end_as_by_ctrl_c
from flow_runs import FlowRun, flow_runs
from night_campaign import NightCampaign
from night_judge import Evidence, judge
from night_table import publish
from prefect_on_sqlite import PrefectOnSqlite
from read_ledgers import damage_of
from shifted_clock import ShiftedClock
from until import until

from overnight.campaign.history.events import LeaseTaken, TrialObserved
from overnight.flows.replay.again import replay

NOON = datetime(2026, 3, 28, 11, tzinfo=UTC)
# In the night after 28 March 2026, the clocks in Berlin jump from 02:00 to 03:00.
CLOCKS_CHANGE = datetime(2026, 3, 29, 1, tzinfo=UTC)
OPENINGS = (datetime(2026, 3, 28, 21, tzinfo=UTC), datetime(2026, 3, 29, 20, tzinfo=UTC))
_BEFORE, _BEYOND_THE_CHANGE = timedelta(seconds=20), timedelta(seconds=15)
_NIGHT_LIMIT = 600.0
_SOON = 120.0


def main() -> int:
    """Run the nights, write the section of the guide, and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=36, help="of each campaign")
    parser.add_argument("--seed", type=int, help="of the campaigns; another one each time without it")
    parser.add_argument("--keep", type=Path, help="an empty folder that is kept, to look at afterwards")
    asked = parser.parse_args()
    end_as_by_ctrl_c()
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    _tell(f"seed {seed}, {asked.trials} trials in each campaign")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="overnight-nights-") as temporary:
        evidence = spend((asked.keep or Path(temporary)).resolve(), asked.trials, seed)
    faults = {each.name: judge(each) for each in evidence}
    for name, broken in faults.items():
        for fault in broken:
            _tell(f"{name}: {fault}")
    publish(evidence, faults, seed, time.monotonic() - began)
    return 1 if any(faults.values()) else 0


def spend(folder: Path, trials: int, seed: int) -> list[Evidence]:
    """Spend two nights and return the evidence of each campaign."""
    clock = ShiftedClock(folder)
    clock.set_to(NOON)
    campaigns = [
        NightCampaign(folder / running, running, trials, seed, clock.environment) for running in ("finish", "stop")
    ]
    with _prefect(folder, clock) as own:
        for each in campaigns:
            each.write(OPENINGS[0])
            said = own.deploy(each.folder)
            _tell(next(line for line in said.splitlines() if "starts whenever" in line))
        own.start_worker()
        refused = _first_night(own, clock, campaigns)
        clock.set_to(CLOCKS_CHANGE - _BEFORE)
        until(lambda: clock.now() > CLOCKS_CHANGE + _BEYOND_THE_CHANGE, "the clocks have changed", _SOON)
        _night(own, clock, campaigns, OPENINGS[1])
        _await_its_end(own, campaigns, OPENINGS[1])
        runs = {each.name: flow_runs(own.ask, each.name) for each in campaigns}
    return [_evidence(each, runs[each.name], refused if each is campaigns[0] else None) for each in campaigns]


@contextmanager
def _prefect(folder: Path, clock: ShiftedClock) -> Iterator[PrefectOnSqlite]:
    """Yield a server that uses the clock, and end it afterwards with everything started with it."""
    own = PrefectOnSqlite(folder, "nights", clock.environment)
    try:
        own.start_server()
        own.wait_for_server()
        yield own
    finally:
        own.kill_everything()


def _first_night(own: PrefectOnSqlite, clock: ShiftedClock, campaigns: Sequence[NightCampaign]) -> str:
    """Let the first night pass, start a campaign a second time by hand during it, and return the answer to that."""
    _night(own, clock, campaigns, OPENINGS[0])
    by_hand = campaigns[0]
    until(lambda: any(isinstance(e, TrialObserved) for e in by_hand.events()), "there is a result", _NIGHT_LIMIT)
    started = own.overnight(by_hand.folder, "run", "campaign.yaml")
    said = " ".join((started.stdout + started.stderr).split())
    _tell(f"by hand, exit code {started.returncode}: {said}")
    _await_its_end(own, campaigns, OPENINGS[0])
    _, held, by_whom = said.partition("The campaign is held")
    return f"{held}{by_whom}" if started.returncode else said


def _night(own: PrefectOnSqlite, clock: ShiftedClock, campaigns: Sequence[NightCampaign], opens: datetime) -> None:
    """Skip the hours until just before a scheduled opening, and wait until the controllers have begun."""
    for each in campaigns:
        due = f"{each.name} is on the schedule for {opens}"
        until(lambda name=each.name: any(r.due == opens for r in flow_runs(own.ask, name)), due, _SOON)
    before = {each.name: _leases(each) for each in campaigns}
    clock.set_to(opens - _BEFORE)
    _tell(f"{clock.now():%Y-%m-%d %H:%M:%S} UTC: shortly before the window opens")
    for each in campaigns:
        begun = f"a controller of {each.name} has begun"
        until(lambda of=each: _leases(of) > before[of.name], begun, _NIGHT_LIMIT)
        _tell(f"{clock.now():%H:%M:%S} UTC: {begun}")


def _await_its_end(own: PrefectOnSqlite, campaigns: Sequence[NightCampaign], opened: datetime) -> None:
    for each in campaigns:
        over = f"the run of {each.name} has ended"
        until(lambda name=each.name: _has_ended(flow_runs(own.ask, name), opened), over, _NIGHT_LIMIT)
        _tell(over)


def _has_ended(runs: Sequence[FlowRun], opened: datetime) -> bool:
    return any(run.due == opened and run.ended is not None for run in runs)


def _leases(campaign: NightCampaign) -> int:
    return sum(isinstance(event, LeaseTaken) for event in campaign.events())


def _evidence(campaign: NightCampaign, runs: Sequence[FlowRun], by_hand: str | None) -> Evidence:
    events = campaign.events()
    return Evidence(
        name=campaign.name,
        window=campaign.window,
        trials=campaign.trials,
        openings=OPENINGS,
        events=events,
        evaluated=campaign.evaluated(),
        runs=tuple(run for run in runs if run.began is not None),
        by_hand=by_hand,
        damage=damage_of(campaign.ledger),
        replayed=list(replay(events, campaign.folder)),
    )


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
