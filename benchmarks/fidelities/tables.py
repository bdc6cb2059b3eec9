"""Tables from stored campaigns: regrets with paired differences, and epochs until a loss is reached."""

from collections.abc import Iterator, Sequence
from itertools import accumulate

import numpy as np

from benchmarks.fidelities.results import stored
from benchmarks.quality.comparison import Difference, cell_difference, paired, pooled_difference
from benchmarks.quality.results import Row

DIGITS = "digits"
OURS, FULL, SCALE = "overnight", "overnight-full", "sobol-full"
Rows = dict[int, Row]


def _rows(contestant: str, cell: str, workers: int) -> Rows:
    return {seed: row for (name, n, seed), row in stored(contestant).items() if (name, n) == (cell, workers)}


def _regrets(contestant: str, cell: str, workers: int) -> dict[int, float]:
    return {seed: row["regret"] for seed, row in _rows(contestant, cell, workers).items()}


def regrets_table(cells: Sequence[str], contestants: Sequence[str], workers: int) -> Iterator[str]:
    """Yield each cell's median regrets; after a rival's, how ours with the fidelity compares."""
    differences = {name: list[np.ndarray]() for name in contestants}
    verdicts = {name: list[str]() for name in contestants}
    yield f"| {workers} worker{'s' if workers > 1 else ''} | " + " | ".join(contestants) + " |"
    yield "|---|" + "---|" * len(contestants)
    for cell in cells:
        found = {name: _regrets(name, cell, workers) for name in contestants}
        if not found[OURS] or not found[SCALE]:
            continue
        scale, texts = float(np.median(list(found[SCALE].values()))), list[str]()
        for name in contestants:
            each = paired(found[OURS], found[name], scale)
            text = f"{np.median(list(found[name].values())):.2g} ({len(found[name])})" if found[name] else "–"
            if name != OURS and len(each):
                differences[name].append(each)
                compared = cell_difference(each)
                verdicts[name].append(compared.verdict)
                text += f" {_shown(compared)}"
            texts.append(text)
        yield f"| `{cell}` | " + " | ".join(texts) + " |"
    yield "| **win, tie, loss, open** | " + " | ".join(_counted(verdicts[name]) for name in contestants) + " |"
    pooled = [_shown(pooled_difference(each)) if (each := differences[name]) else "" for name in contestants]
    yield "| **pooled** | " + " | ".join(pooled) + " |"


def _shown(difference: Difference) -> str:
    return f"{difference.verdict} {difference.value:+.2f} [{difference.low:+.2f}, {difference.high:+.2f}]"


def _counted(verdicts: Sequence[str]) -> str:
    return "/".join(str(verdicts.count(each)) for each in ("win", "tie", "loss", "open")) if verdicts else ""


def epochs_table(contestants: Sequence[str], workers: int, budget: int) -> Iterator[str]:
    """Yield which share of the budget each contestant saves until it has the final loss of full trainings only."""
    full = _rows(FULL, DIGITS, workers)
    targets = {seed: min(row["losses"]) for seed, row in full.items()}
    yield "| contestant | seeds | median share of the cost saved (quartiles) | reached | final loss | seconds |"
    yield "|---|---|---|---|---|---|"
    for name in contestants:
        rows = {seed: row for seed, row in _rows(name, DIGITS, workers).items() if seed in targets}
        if not rows:
            continue
        reached = {seed: _cost_until(row, targets[seed]) for seed, row in rows.items()}
        # A campaign that does not reach the loss saves nothing.
        saved = [0.0 if cost is None else max(0.0, 1.0 - cost / budget) for cost in reached.values()]
        low, middle, high = np.quantile(saved, [0.25, 0.5, 0.75])
        count = sum(cost is not None for cost in reached.values())
        finals = np.median([_final(row) for row in rows.values()])
        seconds = np.median([row["seconds"] for row in rows.values()])
        share = f"{middle:.0%} ({low:.0%} to {high:.0%})"
        yield f"| `{name}` | {len(rows)} | {share} | {count} of {len(rows)} | {finals:.4f} | {seconds:.0f} |"


def _cost_until(row: Row, target: float) -> float | None:
    """Return what had been spent when a result in full was as good as the target; None if none was."""
    highest = max(row["levels"])
    for level, loss, spent in zip(row["levels"], row["losses"], accumulate(row["costs"]), strict=True):
        if level == highest and loss <= target:
            return spent
    return None


def _final(row: Row) -> float:
    """Return the lowest loss in full."""
    highest = max(row["levels"])
    return min(loss for level, loss in zip(row["levels"], row["losses"], strict=True) if level == highest)
