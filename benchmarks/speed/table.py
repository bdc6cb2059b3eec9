"""Render the tables in Markdown from the rows alone."""

from collections.abc import Iterable, Iterator, Sequence

from benchmarks.speed.contestants import AX, BOTORCH, OPTUNA, OURS, RIVALS, RUST
from benchmarks.speed.demands import Demand, demands
from benchmarks.speed.goals.questions import KINDS
from benchmarks.speed.goals.table import asks
from benchmarks.speed.goals.table import demands as demands_on_goals
from benchmarks.speed.results import MOST_BUSY_ELSEWHERE, Row, latest_rounds
from benchmarks.speed.summary import Summary, geometric_mean

_MIB = 2**20


def tables(rows: Sequence[Row]) -> str:
    """Return all tables, each under its heading."""
    summary = Summary(rows)
    parts = [
        ("Where the figures come from", _origin(summary)),
        ("Demanded and reached", _lines(demands(rows))),
        ("Milliseconds for a whole ask", _medians(summary)),
        *((f"Times as fast as {rival}", _ratios(summary, rival)) for rival in (BOTORCH, RUST, AX, OPTUNA)),
        ("Over the grid", _means(summary)),
        ("Equal quality: the worst shortfalls", _shortfalls(summary)),
        ("Peak memory of the process, MiB", _memory(summary)),
        ("On a GPU", gpu_table(rows)),
        ("Goals and spaces: where the figures come from", _origin_of_goals(rows)),
        ("Goals and spaces: demanded and reached", _lines(demands_on_goals(rows))),
        ("Goals and spaces: a whole ask", _asks_about_goals(rows)),
    ]
    return "\n".join(f"### {heading}\n\n{body}\n" for heading, body in parts)


def _origin(summary: Summary) -> str:
    if not summary.rows:
        return "No round has been measured."
    seeds = [len(summary.seeds(cell)) for cell in summary.cells]
    cells = f"{len(summary.cells)} cells, {min(seeds)} to {max(seeds)} seeds each. A cell is n/d/pending/q."
    return "\n".join(f"- {line}" for line in (cells, *_sources(summary.rows)))


def _origin_of_goals(rows: Sequence[Row]) -> str:
    latest = latest_rounds(row for row in rows if row.suite in KINDS)
    return "\n".join(f"- {line}" for line in _sources(latest)) or "No round has been measured."


def _sources(rows: Sequence[Row]) -> Iterator[str]:
    """Yield the machine, the commits, the contestants and the commands of rows, and whether they were disturbed."""
    if not rows:
        return
    yield from (f"Machine: {machine}." for machine in sorted({row.machine for row in rows}))
    yield from (f"Commit: {commit}." for commit in sorted({row.commit for row in rows}))
    yield f"Measured: {min(row.date for row in rows)} to {max(row.date for row in rows)}."
    if disturbed := {row.round for row in rows if row.disturbed}:
        rounds = len({row.round for row in rows})
        yield (
            f"**Not to be published**: in {len(disturbed)} of {rounds} rounds other processes kept more than "
            f"{MOST_BUSY_ELSEWHERE} cores busy during an ask."
        )
    for who in dict.fromkeys(row.contestant for row in rows):
        mine = [row for row in rows if row.contestant == who]
        given = " or ".join(sorted({str(row.given) for row in mine}))
        used = " or ".join(sorted({"unknown" if row.threads is None else str(row.threads) for row in mine}))
        failed = sum(row.seconds is None for row in mine)
        failures = f"; {failed} of {len(mine)} asks failed" if failed else ""
        busy = [row.others for row in mine if row.others is not None]
        failures += f"; meanwhile others kept {max(busy):.1f} cores busy at most" if busy else ""
        yield f"{who}: given {given} threads, said to use {used}{failures}. {mine[-1].versions}"
    yield from (f"Command: `{command}`" for command in dict.fromkeys(row.command for row in rows))


def _lines(found: Iterable[Demand]) -> str:
    words = {True: "yes", False: "no", None: "—"}
    return markdown(
        ["what", "demanded", "reached", "held"], ([d.what, d.demanded, d.reached, words[d.held]] for d in found)
    )


def _medians(summary: Summary) -> str:
    body = (
        [str(cell), *(_number(summary.median(cell, who), 1000.0) for who in summary.contestants)]
        for cell in summary.cells
    )
    return markdown(["n/d/pending/q", *summary.contestants], body)


def _ratios(summary: Summary, rival: str) -> str:
    if rival not in summary.contestants:
        return "not yet measured"
    body = ([str(cell), *(_number(summary.ratio(cell, ours, rival)) for ours in OURS)] for cell in summary.cells)
    return markdown(["n/d/pending/q", *OURS], body)


def _means(summary: Summary) -> str:
    def row(ours: str, rival: str) -> list[str]:
        ratios = summary.ratios(ours, rival)
        cell = min(ratios, key=ratios.__getitem__)
        return [ours, rival, _number(geometric_mean(ratios.values())), f"{_number(ratios[cell])} ({cell})"]

    body = (row(ours, rival) for ours in OURS for rival in RIVALS if summary.ratios(ours, rival))
    return markdown(["ours", "against", "geometric mean", "least"], body)


def _shortfalls(summary: Summary) -> str:
    def cells(who: str, shortfall: str) -> list[str]:
        worst = summary.worst(who, shortfall)
        return ["—", "—"] if worst is None else [f"{worst.ask:.4f}", f"{worst.cell:.4f}"]

    body = ([who, *cells(who, "fit_shortfall"), *cells(who, "acquisition_shortfall")] for who in summary.contestants)
    heads = ["fit: worst ask", "fit: worst cell's median", "batch: worst ask", "batch: worst cell's median"]
    return markdown(["contestant", *heads], body)


def _memory(summary: Summary) -> str:
    body = (
        [str(cell), *(_number(summary.peak_rss(cell, who), 1.0 / _MIB) for who in summary.contestants)]
        for cell in summary.cells
    )
    return markdown(["n/d/pending/q", *summary.contestants], body)


def _asks_about_goals(rows: Sequence[Row]) -> str:
    heads, body = asks(rows)
    return markdown(heads, body) if body else "not yet measured"


def gpu_table(rows: Sequence[Row]) -> str:
    """Return the table of asks on a GPU."""
    found = [row for row in rows if row.suite == "gpu"]
    if not found:
        return "not yet measured"
    body = ([str(r.n), str(r.d), r.contestant, _number(r.seconds, 1000.0), r.error, r.machine] for r in found)
    return markdown(["n", "d", "contestant", "ms", "error", "device"], body)


def _number(value: float | None, scale: float = 1.0) -> str:
    if value is None:
        return "—"
    value *= scale
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(heads: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Return a table."""
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return "\n".join(lines + ["| " + " | ".join(line) + " |" for line in body])
