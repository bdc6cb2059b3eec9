"""Render the tables of the asks about goals, and the demands on them, from the rows alone."""

from collections.abc import Iterator, Sequence

from benchmarks.speed.contestants import AX, DEFAULTS, OPTUNA
from benchmarks.speed.demands import MOST_ACQUISITION_SHORTFALL, Demand
from benchmarks.speed.goals.questions import KINDS, LIMITED, THREE, TWO
from benchmarks.speed.results import Row
from benchmarks.speed.summary import Summary

# Our processor time is at most one part in so many of a rival's.
_PARTS = {LIMITED: {OPTUNA: 5, AX: 20}, TWO: {OPTUNA: 5, AX: 10}}
_MOST_SECONDS = {THREE: 1.0}


def asks(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    """Return the heads and the lines of the table of times; no lines if nothing has been measured.

    Medians are over the seeds; how many times as long as ours a peer takes is a ratio of processor times.
    """
    lines = [line for name in KINDS for line in _asks(rows, name)]
    heads = ["question", "n/d/pending/q", "contestant", "seeds", "CPU, ms", "real, ms"]
    return [*heads, "times ours cold", "times ours warm", "value below the best: median, worst"], lines


def _asks(rows: Sequence[Row], name: str) -> Iterator[list[str]]:
    cpu, real = Summary(rows, name, "cpu_seconds"), Summary(rows, name)
    for cell in cpu.cells:
        for who in sorted(cpu.contestants, key=lambda who: (who not in DEFAULTS, who)):
            seeds = cpu.seeds(cell, who)
            times = [_number(summary.median(cell, who), 1000.0) for summary in (cpu, real)]
            ratios = ["—" if who in DEFAULTS else _number(cpu.ratio(cell, ours, who)) for ours in DEFAULTS]
            yield [name, str(cell), who, str(len(seeds)), *times, *ratios, _shortfall(cpu, who)]


def _shortfall(summary: Summary, who: str) -> str:
    worst = summary.worst(who, "acquisition_shortfall")
    return "—" if worst is None else f"{worst.cell:.4f}, {worst.ask:.4f}"


def _number(value: float | None, scale: float = 1.0) -> str:
    return "—" if value is None else f"{scale * value:.3g}" if scale * value < 100 else f"{scale * value:,.0f}"


def demands(rows: Sequence[Row]) -> list[Demand]:
    """Return every demand on the asks about goals and the figure reached."""
    parts = [
        _part(rows, name, ours, rival, part)
        for name, rivals in _PARTS.items()
        for rival, part in rivals.items()
        for ours in DEFAULTS
    ]
    seconds = [_soon(rows, name, ours, most) for name, most in _MOST_SECONDS.items() for ours in DEFAULTS]
    return [*parts, *seconds, *(_worth(rows, name, ours) for name in _PARTS for ours in DEFAULTS)]


def _part(rows: Sequence[Row], name: str, ours: str, rival: str, part: int) -> Demand:
    summary = Summary(rows, name, "cpu_seconds")
    ratio = next(iter(summary.ratios(ours, rival).values()), None)
    what, demanded = f"{name}: processor time of {ours}, share of {rival}'s", f"≤ 1/{part}"
    if ratio is None:
        return Demand(what, demanded, "not yet measured", None)
    return Demand(what, demanded, f"1/{ratio:.1f}", ratio >= part)


def _soon(rows: Sequence[Row], name: str, ours: str, most: float) -> Demand:
    summary = Summary(rows, name)
    found = [summary.median(cell, ours) for cell in summary.cells]
    what, demanded = f"{name}: {ours}", f"≤ {most:g} s"
    if not found or found[0] is None:
        return Demand(what, demanded, "not yet measured", None)
    return Demand(what, demanded, f"{found[0]:.2f} s", found[0] <= most)


def _worth(rows: Sequence[Row], name: str, ours: str) -> Demand:
    worst = Summary(rows, name).worst(ours, "acquisition_shortfall")
    what = f"{name}: {ours}, log value below the best that BoTorch finds"
    if worst is None:
        return Demand(what, f"≤ {MOST_ACQUISITION_SHORTFALL:g}", "not yet measured", None)
    reached = f"median {worst.cell:.4f}, worst ask {worst.ask:.4f}"
    return Demand(what, f"≤ {MOST_ACQUISITION_SHORTFALL:g}", reached, worst.ask <= MOST_ACQUISITION_SHORTFALL)
