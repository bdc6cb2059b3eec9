"""Compare an example's campaign with random search and TPE: `python -m benchmarks.real run NAME` and `… show NAME`.

`run` runs the campaigns that are not stored yet, one evaluation at a time, and then measures what each contestant of a
seed recommends and the baseline again, in turn. `show` prints the table and draws `examples/NAME/compared.svg`.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, median
from typing import Any

from benchmarks.quality.run import commit, now
from benchmarks.real.example import EXAMPLES, Example, Metrics, copied
from benchmarks.real.picture import Curve, svg_of
from benchmarks.real.rivals import RIVALS, Tried
from benchmarks.seeds import seeds_of

RESULTS = Path(__file__).parents[1] / "results" / "real"
BASELINE = "baseline"
# No trial has a seed that is so large.
_FRESH = 987_000_000
Row = dict[str, Any]


def main() -> None:
    """Run or show."""
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(required=True)
    run = actions.add_parser("run", help="run the campaigns that are not stored yet")
    run.add_argument("--seeds", default="0-4")
    run.add_argument("--again", type=int, default=5, help="how often recommendations are measured again")
    run.set_defaults(action=lambda asked: _run(asked.name, seeds_of(asked.seeds), asked.again))
    show = actions.add_parser("show", help="print the table and draw the picture")
    show.set_defaults(action=lambda asked: print(_show(asked.name)))
    for each in (run, show):
        each.add_argument("name", help="a folder of examples/")
    asked = parser.parse_args()
    asked.action(asked)


def _run(name: str, seeds: list[int], again: int) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    known = {row["seed"] for row in _rows(name)}
    for seed in [seed for seed in seeds if seed not in known]:
        with copied(name) as example:
            rows = _of_one_seed(example, seed, again)
        with (RESULTS / f"{name}.jsonl").open("a") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)


def _of_one_seed(example: Example, seed: int, again: int) -> list[Row]:
    """Run all contestants, and measure what they recommend in turn, so that drift of the machine hurts all alike."""
    tried, seconds = dict[str, Tried](), dict[str, float]()
    for contestant, run in RIVALS.items():
        began = time.monotonic()
        tried[contestant] = run(example, seed)
        seconds[contestant] = time.monotonic() - began
        best = tried[contestant].best_measured
        print(f"{example.name} seed {seed}: {contestant} in {seconds[contestant]:.0f} s: {best}", flush=True)
    recommended = {BASELINE: example.campaign.baseline} | {name: each.recommended for name, each in tried.items()}
    fresh: dict[str, list[Metrics | None]] = {name: [] for name in recommended}
    for turn in range(again):
        for name, point in recommended.items():
            if point is not None:
                fresh[name].append(example.measured(point, _FRESH + 100 * seed + turn))
    origin = {"example": example.name, "seed": seed, "commit": commit(), "date": now()}
    rows = [{**origin, "contestant": BASELINE, "recommended": dict(example.campaign.baseline or {})}]
    rows += [
        {**origin, "contestant": name, "seconds": round(seconds[name], 1), "curve": _curve(each), **_held(each)}
        for name, each in tried.items()
    ]
    return [{**row, "fresh": fresh[row["contestant"]]} for row in rows]


def _held(tried: Tried) -> Row:
    recommended = None if tried.recommended is None else dict(tried.recommended)
    return {"recommended": recommended, "points": [dict(p) for p in tried.points], "measured": tried.measured}


def _curve(tried: Tried) -> list[float | None]:
    """Return the best feasible measurement so far after each trial."""
    best: Metrics | None = None
    found = list[float | None]()
    for metrics in tried.measured:
        if metrics is not None and tried.is_feasible(metrics):
            best = metrics if best is None else max(best, metrics, key=tried.worth)
        found.append(None if best is None else tried.value(best))
    return found


def _rows(name: str) -> list[Row]:
    path = RESULTS / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _show(name: str) -> str:
    """Return the table of fresh measurements, and draw the curves into the example's folder."""
    rows = _rows(name)
    with copied(name) as example:
        campaign = example.campaign
    judge = Tried(campaign)
    baselines = [_means(row["fresh"]) for row in rows if row["contestant"] == BASELINE]
    limited = [constraint.metric for constraint in campaign.goal.constraints]
    head = ["contestant", "seeds", campaign.objective.metric, "worst to best", *limited, "feasible"]
    lines = [head, ["---"] * len(head)]
    for contestant in (BASELINE, *RIVALS):
        of = [row for row in rows if row["contestant"] == contestant]
        fresh = {row["seed"]: _means(row["fresh"]) for row in of}
        known = {seed: metrics for seed, metrics in fresh.items() if metrics is not None}
        values = [judge.value(metrics) for metrics in known.values()]
        by_seed = {row["seed"]: _means(row["fresh"]) for row in rows if row["contestant"] == BASELINE}
        feasible = sum(Tried(campaign, [], [by_seed[seed]]).is_feasible(metrics) for seed, metrics in known.items())
        span = f"{min(values):.4g} to {max(values):.4g}" if values else "–"
        middle = f"{median(values):.4g}" if values else "nothing feasible found"
        values_of = [[judge.found(each, metrics) for metrics in known.values()] for each in limited]
        measured = [[value for value in values if value is not None] for values in values_of]
        limits = [f"{median(values):.4g}" if values else "–" for values in measured]
        lines.append([contestant, str(len(of)), middle, span, *limits, f"{feasible} of {len(of)}"])
    curves: dict[str, list[Curve]] = {
        name: [row["curve"] for row in rows if row["contestant"] == name] for name in RIVALS
    }
    base = [judge.value(metrics) for metrics in baselines if metrics is not None]
    objective = campaign.objective.metric
    title = f"{campaign.name}: best feasible {objective} so far, {len(baselines)} campaigns each"
    shown = svg_of(curves, title, objective, median(base) if base else None)
    (EXAMPLES / name / "compared.svg").write_text(shown)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _means(fresh: list[Mapping[str, float] | None]) -> dict[str, float] | None:
    """Return the mean of each metric; None if a measurement failed, or there was nothing to measure."""
    known = [metrics for metrics in fresh if metrics is not None]
    if not known or len(known) < len(fresh):
        return None
    return {name: mean(metrics[name] for metrics in known) for name in known[0]}


if __name__ == "__main__":
    main()
