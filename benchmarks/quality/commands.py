"""The subcommands of the command line."""

import sys
from collections.abc import Collection
from pathlib import Path

from benchmarks.quality.calibration import calibration_tables
from benchmarks.quality.cells import ADDED, AGAINST_ADVICE, CELLS, CONSTRAINED, COSTLY, FAILING, FRONTS, GRID, SPACES
from benchmarks.quality.changes import CHANGES
from benchmarks.quality.contestants import NAMES, installed, may_run
from benchmarks.quality.costly import costly_table
from benchmarks.quality.failing import failing_table
from benchmarks.quality.further_metrics import table_of_cells
from benchmarks.quality.gate import CannotConfirm, Gate, report
from benchmarks.quality.gate.seeds import DEVELOPMENT
from benchmarks.quality.plot import curves_page
from benchmarks.quality.results import read_all, read_rows
from benchmarks.quality.run import Task, judge_again, missing, run_and_store
from benchmarks.quality.tables import all_tables

_GROUPS = {
    "grid": [cell.name for cell in GRID],
    "against-advice": [cell.name for cell in AGAINST_ADVICE],
    "added": [cell.name for cell in ADDED],
    "failing": [cell.name for cell in FAILING],
    "costly": [cell.name for cell in COSTLY],
    "constrained": [cell.name for cell in CONSTRAINED],
    "fronts": [cell.name for cell in FRONTS],
    "spaces": [cell.name for cell in SPACES],
    "all": list(CELLS),
}


def run(
    folder: Path, contestants: list[str], cells: list[str], seeds: list[int], jobs: int, *, again: bool, charge: bool
) -> int:
    """Run the missing campaigns; seeds are the outermost loop, so that an interrupted run has complete rounds.

    Contestants that cannot express the metrics or the space of a cell are left out of it.
    """
    named = [name for cell in cells for name in _GROUPS.get(cell, [cell])]
    contestants = installed() if contestants == ["all"] else contestants
    _check(named, CELLS, "cell")
    _check(contestants, NAMES, "contestant")
    pairs = [(who, cell) for cell in named for who in contestants if may_run(who, CELLS[cell])]
    every = [Task(who, cell, seed, charge) for seed in seeds for who, cell in pairs]
    tasks = missing(every, folder, again=again)
    print(f"{len(tasks)} campaigns to run, {len(every) - len(tasks)} stored", flush=True)
    return 1 if run_and_store(tasks, folder, jobs) else 0


def _check(names: list[str], known: Collection[str], what: str) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"Expected a {what} among {', '.join(known)}; got {', '.join(unknown)}.")


def rejudge(folder: Path, contestants: list[str]) -> int:
    """Judge stored campaigns again, after our recommendation has changed."""
    names = sorted({row["contestant"] for row in read_all(folder)}) if contestants == ["all"] else contestants
    for name in names:
        print(f"{name}: {judge_again(name, folder)} campaigns judged again", flush=True)
    return 0


def table(folder: Path) -> int:
    """Write the tables next to the results and print them.

    Cells with several metrics and those of spaces have tables of their own.
    """
    cells = {row["cell"]: CELLS[row["cell"]] for row in read_all(folder)}
    apart = {name for name, cell in cells.items() if cell.problem.further or cell.native}
    text = all_tables([row for row in read_all(folder) if row["cell"] not in apart])
    (folder / "tables.md").write_text(text)
    print(text)
    return 0


def calibration(folder: Path, jobs: int) -> int:
    """Print whether the beliefs about our recommendations are right."""
    rows = [row for row in read_rows("overnight", folder) if row["cell"] in _GROUPS["grid"] and not row["charged"]]
    print(calibration_tables(rows, jobs))
    return 0


def failing(folder: Path) -> int:
    """Print the benefit of learning which points fail."""
    print(failing_table(read_all(folder)))
    return 0


def costly(folder: Path) -> int:
    """Print the benefit of taking costs into account."""
    print(costly_table(read_all(folder)))
    return 0


def constrained(folder: Path) -> int:
    """Print what contestants find under limits."""
    print(table_of_cells(CONSTRAINED, read_all(folder)))
    return 0


def fronts(folder: Path) -> int:
    """Print what contestants find with several objectives."""
    print(table_of_cells(FRONTS, read_all(folder)))
    return 0


def spaces(folder: Path) -> int:
    """Print what contestants find in spaces with choices, branches and constraints."""
    print(table_of_cells(SPACES, read_all(folder)))
    return 0


def plot(folder: Path) -> int:
    """Draw the curves next to the results."""
    page = folder / "curves.html"
    page.write_text(curves_page(read_all(folder)))
    print(page)
    return 0


def gate(
    folder: Path, change: str, cells: list[str], seeds: list[int] | None, jobs: int, *, confirm: bool, again: str | None
) -> int:
    """Run what the gate needs of a change, then print its verdict."""
    judged = _gate(folder, change)
    named = [name for cell in cells for name in _GROUPS.get(cell, [cell])] or list(judged.cells)
    _check(named, judged.cells, "cell of the gate")
    if seeds is not None and (confirm or not set(seeds) <= set(DEVELOPMENT)):
        sys.exit(f"Expected seeds among {DEVELOPMENT[0]}-{DEVELOPMENT[-1]}, and none with --confirm.")
    try:
        failed = judged.confirm(named, jobs, again) if confirm else judged.develop(named, seeds or DEVELOPMENT, jobs)
    except CannotConfirm as problem:
        sys.exit(str(problem))
    print(report(judged))
    return 1 if failed else 0


def verdict(folder: Path, change: str) -> int:
    """Print the verdict on a change from what is stored."""
    print(report(_gate(folder, change)))
    return 0


def _gate(folder: Path, change: str) -> Gate:
    _check([change], CHANGES, "change")
    return Gate(change, CHANGES[change], {cell.name: cell for cell in (*GRID, *ADDED)}, folder)


COMMANDS = {
    "run": run,
    "rejudge": rejudge,
    "table": table,
    "calibration": calibration,
    "failing": failing,
    "costly": costly,
    "constrained": constrained,
    "fronts": fronts,
    "spaces": spaces,
    "plot": plot,
    "gate": gate,
    "verdict": verdict,
}
