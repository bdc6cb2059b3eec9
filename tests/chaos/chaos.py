"""Kill the processes of a campaign at random moments and record what was lost: `make chaos KILLS=20`, a few minutes.

Each run is stored; the table in docs/proofs/reliability.md sums all stored runs.
"""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from evaluation_log import read_evaluations
from judge import Evidence, Fault, judge
from kill_table import RUNS, StoredRun, publish, store
from operation import Operation, operation
from read_ledgers import damage_of, events_of
from storm import Damage, Plan, Storm

from overnight.campaign.history.events import TrialProposed
from overnight.flows.replay.again import replay

_LEFT_LIMIT = 30.0


def main() -> int:
    """Disturb one campaign, store its figures, write the table, and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--outage", type=float, default=60.0)
    parser.add_argument("--seed", type=int, help="of the dice; another one each time without it")
    parser.add_argument("--keep", type=Path, help="an empty folder that is kept, to look at afterwards")
    parser.add_argument("--table", action="store_true", help="only write the table of what is stored")
    asked = parser.parse_args()
    if asked.table:
        publish()
        return 0
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    plan = Plan(seed=seed, kills=asked.kills, outage=asked.outage)
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        run, faults = disturb(folder, asked.trials, plan)
    for fault in faults:
        _tell(f"{fault.broken}: {fault.what}")
    store(run, RUNS)
    publish()
    return 1 if faults else 0


def disturb(folder: Path, trials: int, plan: Plan) -> tuple[StoredRun, list[Fault]]:
    """Run a campaign through a storm and return its figures, and every broken promise."""
    began = time.monotonic()
    _tell(f"seed {plan.seed}, {plan.kills} kills, {trials} trials")
    with operation(folder, trials, plan.seed) as campaign:
        storm = Storm(campaign, plan, _tell)
        damage = storm.pass_over()
        refused = _refused(campaign)
        left = _left_over(campaign)
    evidence = _evidence(campaign, damage, left)
    faults = judge(evidence)
    models = sum(isinstance(e, TrialProposed) and e.generator == "model" for e in evidence.events)
    run = StoredRun.of(evidence, damage, faults, plan, models=models, refused=refused, seconds=time.monotonic() - began)
    return run, faults


def _refused(campaign: Operation) -> int:
    prefect = campaign.prefect
    if prefect.server is None or prefect.server.poll() is not None:
        prefect.start_server()
    prefect.wait_for_server()
    return campaign.refused_runs()


def _left_over(campaign: Operation) -> list[str]:
    """Return the processes that are still alive after the campaign has ended, except the server and the worker."""
    kept = {process.pid for process in (campaign.prefect.server, campaign.prefect.worker) if process is not None}
    deadline = time.monotonic() + _LEFT_LIMIT
    while left := [v for v in campaign.scene().victims if not {v.pid, v.process.parent, v.process.session} & kept]:
        if time.monotonic() > deadline:
            return [v.command.replace(b"\0", b" ").decode(errors="replace") for v in left]
        time.sleep(0.2)
    return []


def _evidence(campaign: Operation, damage: Damage, left: list[str]) -> Evidence:
    events = asyncio.run(events_of(campaign.ledger))
    return Evidence(
        trials=campaign.trials,
        events=events,
        evaluated=read_evaluations(campaign.folder / "evaluations.log"),
        seen=campaign.events,
        struck=damage.attempts,
        left=left,
        damage=damage_of(campaign.ledger),
        replayed=list(replay(events, campaign.folder)),
    )


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
