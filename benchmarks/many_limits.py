"""Minimise functions of ten parameters under 24 limits, of COCO's suite bbob-constrained.

`python -m benchmarks.many_limits run` runs the campaigns that are not stored yet (minutes each), and `python -m
benchmarks.many_limits table` prints all that are. A campaign has 300 evaluations in batches of 30, the first of which
is spread evenly. Counted is how far the best measured feasible point is above the optimum. Functions and limits are
exact, and black boxes for the campaign. The table has the medians that arXiv 2506.14619 (FuRBO) states for 300
evaluations, whose instances of the functions may be others. `python -m benchmarks.peers.install coco` installs the
suite.
"""

import argparse
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from benchmarks.peers.process import PeerProcess
from benchmarks.peers.registry import FUNCTIONS
from benchmarks.quality.results import Row, read_rows, store_in
from benchmarks.quality.run import commit
from benchmarks.seeds import seeds_of
from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Measurement, Proposal
from overnight.campaign.history.events import CampaignDefined, Event, TrialObserved, TrialProposed

RESULTS = Path("benchmarks/results/many_limits")
# Medians after 300 evaluations, as that paper states them.
PUBLISHED = {
    5: {"FuRBO": 7.1, "SCBO": 13.0, "constrained EI": 632.0},
    35: {"FuRBO": 67.0, "SCBO": 101.0, "constrained EI": 646.0},
    53: {"FuRBO": 742.0, "SCBO": 875.0, "constrained EI": 1370.0},
}
_DIMENSION, _BATCH, _TRIALS = 10, 30, 300
_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
# `regrets` has one entry per batch, NaN as long as no point was feasible; `infeasible` counts trials.
_SCHEMA = pa.schema(
    [
        ("function", pa.int64()),
        ("instance", pa.int64()),
        ("regrets", pa.list_(pa.float64())),
        ("infeasible", pa.int64()),
        ("seconds", pa.float64()),
        ("commit", pa.string()),
        ("date", pa.string()),
    ]
)


@dataclass
class Suite:
    """A function in the process that evaluates it."""

    process: PeerProcess
    function: int
    instance: int
    opened: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Open the function."""
        wanted = {"function": self.function, "instance": self.instance, "dimension": _DIMENSION}
        self.opened = self.process.request({"op": "open", **wanted})

    @property
    def campaign(self) -> Campaign:
        """Return the campaign; each limited metric is at most 0."""
        bounds = enumerate(zip(self.opened["low"], self.opened["high"], strict=True))
        return Campaign.model_validate(
            {
                "name": f"f{self.function:03}-{self.instance}",
                "parameters": {f"x{i}": {"kind": "float", "low": low, "high": high} for i, (low, high) in bounds},
                "minimize": "value",
                "constraints": [f"{name} <= 0" for name in self._limited],
                "noise": "none",
                "workers": _BATCH,
                "budget": {"trials": _TRIALS},
                "confirm": "never",
                "seed": self.instance,
            }
        )

    def measured(self, proposals: Sequence[Proposal]) -> list[dict[str, float]]:
        """Return the metrics of each proposed point."""
        points = [[float(proposal.point[f"x{i}"]) for i in range(_DIMENSION)] for proposal in proposals]
        answer = self.process.request({"op": "evaluate", "points": points})
        pairs = zip(answer["values"], answer["limited"], strict=True)
        return [{"value": value, **dict(zip(self._limited, limited, strict=True))} for value, limited in pairs]

    def regret(self, metrics: dict[str, float]) -> float:
        """Return how far a point is above the optimum, infinitely far if it is not feasible."""
        feasible = all(metrics[name] <= 0.0 for name in self._limited)
        return metrics["value"] - self.opened["least"] if feasible else math.inf

    @property
    def _limited(self) -> list[str]:
        return [f"limit{i}" for i in range(self.opened["limits"])]


def run(function: int, instance: int) -> Row:
    """Run a campaign."""
    torch.set_num_threads(1)
    with PeerProcess(FUNCTIONS["coco"].command(), threads=1) as process:
        suite = Suite(process, function, instance)
        campaign, proposer = suite.campaign, BayesianProposer()
        history = History.from_events(
            [CampaignDefined(time=_NOON, actor="benchmark", uid="limits", definition=campaign)]
        )
        regrets, curve, began = list[float](), list[float](), time.process_time()
        while len(regrets) < _TRIALS:
            proposals = propose(campaign, history, proposer, _BATCH)
            results = suite.measured(proposals)
            history = history.extended([*_batch(history.next_trial, proposals, results)])
            regrets += map(suite.regret, results)
            best = min(regrets)
            curve.append(best if math.isfinite(best) else math.nan)
            print(f"f{function:03} instance {instance}, {len(regrets)} trials: {curve[-1]:.4g}", flush=True)
    return {
        "function": function,
        "instance": instance,
        "regrets": curve,
        "infeasible": sum(map(math.isinf, regrets)),
        "seconds": time.process_time() - began,
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _batch(first: int, proposals: Sequence[Proposal], results: Sequence[dict[str, float]]) -> Iterator[Event]:
    for trial, (proposal, metrics) in enumerate(zip(proposals, results, strict=True), start=first):
        yield TrialProposed(time=_NOON, actor="benchmark", trial=trial, **dict(proposal))
        measured = {name: Measurement(mean=value) for name, value in metrics.items()}
        yield TrialObserved(time=_NOON, actor="benchmark", trial=trial, attempt=1, metrics=measured)


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Return the lines of the table: medians after 90, 180 and 300 trials."""
    names = list(PUBLISHED[5])
    yield f"| function | campaigns | 90 trials | 180 | 300 | range | infeasible | {' | '.join(names)} |"
    yield "|" + "---|" * (7 + len(names))
    for function in sorted({row["function"] for row in rows}):
        chosen = [row for row in rows if row["function"] == function]
        after = [
            statistics.median(_distance(row["regrets"][n // _BATCH - 1]) for row in chosen) for n in (90, 180, 300)
        ]
        last = [_distance(row["regrets"][-1]) for row in chosen]
        infeasible = statistics.median(row["infeasible"] for row in chosen)
        theirs = [f"{PUBLISHED[function][name]:g}" if function in PUBLISHED else "" for name in names]
        yield (
            f"| f{function:03} | {len(chosen)} | {' | '.join(f'{each:.3g}' for each in after)} | "
            f"{min(last):.3g} to {max(last):.3g} | {infeasible:g} | {' | '.join(theirs)} |"
        )


def _distance(stored: float) -> float:
    """Return a regret, which is infinite without a feasible point."""
    return math.inf if math.isnan(stored) else stored


def main() -> None:
    """Run campaigns, or print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_limits", description=__doc__)
    parser.add_argument("action", choices=("run", "table"))
    parser.add_argument("--functions", type=seeds_of, default=[*PUBLISHED], help="as 5,35,53")
    parser.add_argument("--instances", type=seeds_of, default=seeds_of("1-5"), help="as 1-5; also the campaign's seed")
    asked = parser.parse_args()
    stored = read_rows("overnight", RESULTS)
    if asked.action == "table":
        print("\n".join(table(stored)))
        return
    known = {(row["function"], row["instance"]) for row in stored}
    for instance in asked.instances:
        for function in asked.functions:
            if (function, instance) not in known:
                store_in(RESULTS / "overnight.parquet", run(function, instance), _SCHEMA, _key_of)


def _key_of(row: Row) -> tuple[int, int]:
    return row["function"], row["instance"]


if __name__ == "__main__":
    main()
