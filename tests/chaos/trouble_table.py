"""The stored troubles of `make chaos`, one per line, and the table in docs/proofs/reliability.md that sums them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from judge import Evidence, Fault, count
from kill_table import PAGE
from marked_sections import replace_section
from pydantic import BaseModel, ConfigDict

from overnight.flows.host.commit import running_commit

SECTION = "make chaos, other troubles"
RUNS = Path(__file__).parents[2] / "benchmarks" / "results" / "chaos" / "troubles.jsonl"
_WHAT = {
    "rolled back": "an older copy of the ledger put back beside the newer work folder, after everything was killed",
    "long grace": "evaluations that ignore SIGTERM, with a grace of 70 s",
    "full work disk": "the disk under `work:` full for 45 s",
    "hostile user": "another user of the machine tries all files, ports and command lines",
}
_HEAD = """
## Whole campaigns in other troubles

`make chaos` also runs one campaign through each of these troubles with `overnight run`, and judges it by the
evaluations' own log in the same way. *Broken* counts violations of every promise in the tables above, and, for the
other user, everything that could be read or changed.

| trouble | campaigns | trials | evaluations that began | proposals replayed | broken |
|---|---|---|---|---|---|
"""


class StoredTrouble(BaseModel):
    """The figures of one campaign in trouble."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    seed: int
    commit: str | None
    trials: int
    evaluated: int
    replayed: int
    broken: dict[str, int]
    seconds: float

    @classmethod
    def of(
        cls, what: str, seed: int, evidence: Evidence, faults: Sequence[Fault], *, seconds: float
    ) -> "StoredTrouble":
        """Return the stored figures of a campaign."""
        return cls(
            what=what,
            seed=seed,
            commit=running_commit(),
            trials=evidence.trials,
            evaluated=sum(len(one.began) for one in evidence.evaluated.values()),
            replayed=sum(found.verdict == "same" for found in evidence.replayed),
            broken=dict(count(faults)),
            seconds=round(seconds, 1),
        )


def store(run: StoredTrouble, file: Path = RUNS) -> None:
    """Append a campaign to the stored ones."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as stored:
        stored.write(run.model_dump_json() + "\n")


def publish() -> None:
    """Write the table of all stored campaigns into its section of the page."""
    stored = [StoredTrouble.model_validate_json(line) for line in RUNS.read_text().splitlines()]
    replace_section(PAGE, SECTION, section(stored))


def section(runs: Sequence[StoredTrouble]) -> str:
    """Return the page's section on these campaigns."""
    rows = []
    for what, words in _WHAT.items():
        these = [run for run in runs if run.what == what]
        broken = sum((Counter(run.broken) for run in these), Counter[str]()).total()
        figures = [
            len(these),
            *(sum(getattr(run, name) for run in these) for name in ("trials", "evaluated", "replayed")),
        ]
        rows.append(f"| {words} | {' | '.join(map(str, figures))} | {f'**{broken}**' if broken else 0} |\n")
    return _HEAD + "".join(rows)
