"""The demands on speed and the figures reached, one line for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.speed.contestants import (
    AX,
    BOTORCH,
    DEFAULT_COLD,
    DEFAULT_WARM,
    MAP_COLD,
    MAP_WARM,
    OPTUNA,
    RUST,
)
from benchmarks.speed.problem import Cell
from benchmarks.speed.results import Row
from benchmarks.speed.summary import Summary, geometric_mean

MOST_FIT_SHORTFALL = 0.01
MOST_ACQUISITION_SHORTFALL = 0.05
_GIB = 2**30


@dataclass(frozen=True)
class Demand:
    """One figure: the demand and the value reached; `held` is None if it has not been measured."""

    what: str
    demanded: str
    reached: str
    held: bool | None


def demands(rows: Sequence[Row]) -> list[Demand]:
    """Return every demanded figure."""
    summary = Summary(rows)
    return [
        _mean(summary, MAP_COLD, BOTORCH, 45),
        _mean(summary, MAP_WARM, BOTORCH, 55),
        _least(summary, (MAP_COLD, MAP_WARM), BOTORCH, 15),
        _least(summary, (MAP_COLD, MAP_WARM), RUST, 1),
        _mean(summary, MAP_COLD, RUST, 3),
        *(
            _mean(summary, ours, rival, demanded)
            for ours in (DEFAULT_COLD, DEFAULT_WARM)
            for rival, demanded in ((BOTORCH, 8), (AX, 15), (OPTUNA, 2))
        ),
        _warm_share(summary),
        _large(rows),
        *(_shortfall(summary, ours, "fit_shortfall") for ours in (MAP_COLD, MAP_WARM)),
        *(_shortfall(summary, ours, "acquisition_shortfall") for ours in (MAP_COLD, MAP_WARM)),
    ]


def _mean(summary: Summary, ours: str, rival: str, demanded: float) -> Demand:
    mean = geometric_mean(summary.ratios(ours, rival).values())
    return _ratio(f"{ours} against {rival}, geometric mean over the grid", mean, demanded, "")


def _least(summary: Summary, ours: Sequence[str], rival: str, demanded: float) -> Demand:
    found = [(ratio, cell, who) for who in ours for cell, ratio in summary.ratios(who, rival).items()]
    what = f"{' and '.join(ours)} against {rival}, least of all cells"
    if not found:
        return _ratio(what, None, demanded, "")
    ratio, cell, who = min(found)
    return _ratio(what, ratio, demanded, f" ({who}, {cell})")


def _ratio(what: str, reached: float | None, demanded: float, where: str) -> Demand:
    if reached is None:
        return Demand(what, f"≥ {demanded:g}×", "not yet measured", None)
    return Demand(what, f"≥ {demanded:g}×", f"{reached:.1f}×{where}", reached >= demanded)


def _warm_share(summary: Summary) -> Demand:
    what = f"{MAP_WARM} at n = 1000, d = 20, 8 pending, share of {BOTORCH}'s time"
    ratios = summary.ratios(MAP_WARM, BOTORCH)
    shares = {q: 1.0 / ratios[Cell(1000, 20, 8, q)] for q in (1, 4) if Cell(1000, 20, 8, q) in ratios}
    if not shares:
        return Demand(what, "≤ 2 %", "not yet measured", None)
    reached = ", ".join(f"{100 * share:.1f} % (q = {q})" for q, share in shares.items())
    return Demand(what, "≤ 2 %", reached, max(shares.values()) <= 0.02)


def _large(rows: Sequence[Row]) -> Demand:
    what, demanded = "n = 5000 on this machine", "≤ 20 s cold, ≤ 5 s warm, ≤ 4 GiB"
    found = sorted((row for row in rows if row.suite == "large" and row.n >= 5000), key=lambda row: row.date)
    latest = {row.contestant: row for row in found}.values()
    if not latest:
        return Demand(what, demanded, "not yet measured", None)
    return Demand(what, demanded, ", ".join(map(_taken, latest)), all(map(_is_soon_enough, latest)))


def _taken(row: Row) -> str:
    if row.seconds is None:
        return f"{row.contestant} failed"
    return f"{row.contestant} {row.seconds:.1f} s, {(row.peak_rss or 0) / _GIB:.1f} GiB"


def _is_soon_enough(row: Row) -> bool:
    if row.seconds is None or row.peak_rss is None:
        return False
    return row.seconds <= (5.0 if row.contestant.endswith("warm") else 20.0) and row.peak_rss <= 4 * _GIB


def _shortfall(summary: Summary, ours: str, shortfall: str) -> Demand:
    fit = shortfall == "fit_shortfall"
    most = MOST_FIT_SHORTFALL if fit else MOST_ACQUISITION_SHORTFALL
    of = "log posterior density of the fit, nats an observation" if fit else "log acquisition value of the batch"
    what = f"{ours}: shortfall in {of}, against the best of the round"
    worst = summary.worst(ours, shortfall)
    if worst is None:
        return Demand(what, f"≤ {most:g}", "not yet measured", None)
    reached = f"worst ask {worst.ask:.4f}, worst cell's median {worst.cell:.4f}"
    return Demand(what, f"≤ {most:g} in every cell", reached, worst.ask <= most)
