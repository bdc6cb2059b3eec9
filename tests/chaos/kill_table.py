"""The stored runs of `make chaos`, one per line, and the table in docs/proofs/reliability.md that sums them."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from judge import Evidence, Fault, count
from marked_sections import replace_section
from pydantic import BaseModel, ConfigDict
from storm import KINDS, STOPPED, Damage, Plan

from overnight.flows.host.commit import running_commit

_REPOSITORY = Path(__file__).parents[2]
RUNS = _REPOSITORY / "benchmarks" / "results" / "chaos" / "runs.jsonl"
PAGE = _REPOSITORY / "docs" / "proofs" / "reliability.md"
SECTION = "make chaos"
_OUTAGE = 60.0
_WHAT = {
    "controller": "the controller",
    "evaluator": "an evaluation",
    "worker": "the Prefect worker",
    "server": "the Prefect server",
    "supervisor": "an evaluation's supervisor",
}
_HEAD = """
## Whole campaigns whose processes are killed

`make chaos KILLS=20` runs a deployed campaign of 30 trials on 4 workers, with a Prefect server (SQLite) and a process
worker of its own. It kills and stops processes at random, restarts those that an init system or a schedule would
restart, and adds the figures of the run to [the stored runs](../../benchmarks/results/chaos/runs.jsonl). The tables add
up all stored runs; some had 40 kills and 40 trials. A stopped process (SIGSTOP) stays stopped until the campaign ends
it; only the server continues, after 5 to 20 s.

Evaluations are processes of one to five seconds that keep a log of their own. The log shows which attempts ran, how
often, for which point, and the results that they found and stored. Locks show whether another attempt of the same trial
lived at the same time, and whether more evaluations lived than the campaign has workers. The ledger is compared with
that log. The chain is verified, and every proposal is computed again. `tests/chaos/test_chaos_judge.py` shows that each
of these comparisons can fail.

Everything ran on one machine whose kernel stayed up, with the ledger in a directory. Buckets, disks and power cuts are
in the last part of this page.

The ten oldest runs had no stopped processes, and their logs held neither points nor workers. They were judged without
the comparison of points and without the count of living evaluations.
"""


class StoredRun(BaseModel):
    """The figures of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int
    commit: str | None
    prefect: str
    kills: dict[str, int]
    stops: dict[str, int] = {}
    outage_seconds: float
    restarts: int
    second_starts: int
    refused: int
    trials: int
    started: int
    attempts: int
    evaluated: int
    controllers: int
    replayed: int
    models: int
    broken: dict[str, int]
    seconds: float

    @classmethod
    def of(
        cls,
        evidence: Evidence,
        damage: Damage,
        faults: Sequence[Fault],
        plan: Plan,
        *,
        models: int,
        refused: int,
        seconds: float,
    ) -> "StoredRun":
        """Return the stored figures of a run."""
        lease = evidence.history.lease
        return cls(
            seed=plan.seed,
            commit=running_commit(),
            prefect=version("prefect"),
            kills=dict(damage.kills),
            stops=dict(damage.stops),
            outage_seconds=damage.seconds_down,
            restarts=damage.restarts,
            second_starts=damage.second_starts,
            refused=refused,
            trials=evidence.trials,
            started=evidence.history.started,
            attempts=len(evidence.started),
            evaluated=sum(len(one.began) for one in evidence.evaluated.values()),
            controllers=0 if lease is None else lease.epoch,
            replayed=sum(found.verdict == "same" for found in evidence.replayed),
            models=models,
            broken=dict(count(faults)),
            seconds=round(seconds, 1),
        )


def store(run: StoredRun, file: Path) -> None:
    """Append a run to the stored ones."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as stored:
        stored.write(run.model_dump_json() + "\n")


def read_runs(file: Path) -> list[StoredRun]:
    """Return every stored run."""
    return [StoredRun.model_validate_json(line) for line in file.read_text().splitlines()]


def publish() -> None:
    """Write the table of all stored runs into its section of the page."""
    replace_section(PAGE, SECTION, section(read_runs(RUNS)))


def section(runs: Sequence[StoredRun]) -> str:
    """Return the page's section on these runs."""
    kills = {kind: sum(run.kills.get(kind, 0) for run in runs) for kind in KINDS}
    stops = {kind: sum(run.stops.get(kind, 0) for run in runs) for kind in STOPPED}
    outages = [run.outage_seconds for run in runs if run.outage_seconds >= _OUTAGE]
    struck = [(f"SIGKILL of {_WHAT[kind]}", kills[kind]) for kind in KINDS]
    struck += [(f"SIGSTOP of {_WHAT[kind]}", stops[kind]) for kind in STOPPED]
    struck += [
        (f"outage of the server for {_OUTAGE:g} s", len(outages)),
        ("SIGKILL of everything at once, and all started again", sum(run.restarts for run in runs)),
        ("a second run asked for while one was at work", sum(run.second_starts for run in runs)),
    ]
    promises = [
        ("acknowledged events, stored results or trials that were lost", _broken(runs, "lost")),
        ("results recorded for a point or an attempt that did not give them", _broken(runs, "foreign")),
        ("trials, attempts or outcomes that were duplicated", _broken(runs, "duplicated")),
        ("evaluations that lived beyond the number of workers", _broken(runs, "crowded")),
        ("campaigns, attempts or processes that were stuck", _broken(runs, "stuck")),
        ("campaigns that started more or fewer trials than the budget", _broken(runs, "budget")),
        ("chains that were not whole", _broken(runs, "chain")),
        ("proposals that did not replay to the same bits", _broken(runs, "replay")),
    ]
    done = [
        ("campaigns", len(runs)),
        ("SIGKILLs of one process", sum(kills.values())),
        ("trials", sum(run.trials for run in runs)),
        ("attempts in the ledgers", sum(run.attempts for run in runs)),
        ("evaluations that began, by their own log", sum(run.evaluated for run in runs)),
        ("controllers that took a lease", sum(run.controllers for run in runs)),
        ("runs that were refused by the lease", sum(run.refused for run in runs)),
        ("proposals replayed to the same bits", sum(run.replayed for run in runs)),
        ("of these, by the model", sum(run.models for run in runs)),
    ]
    return _HEAD + "".join(
        f"\n| {title} | |\n|---|---|\n" + "".join(f"| {what} | {number} |\n" for what, number in rows)
        for title, rows in (("what happened", struck), ("to what", done), ("what was broken", promises))
    )


def _broken(runs: Sequence[StoredRun], promise: str) -> str:
    number = sum(run.broken.get(promise, 0) for run in runs)
    return f"**{number}**" if number else "0"
