"""Time asks in conditional and constrained spaces, as ratios to those among as many plain floats.

`python -m benchmarks.asks_in_spaces` takes a minute on an idle machine. All spaces have six parameters, and four trials
are outstanding. Each figure is a median over seeds of processor time with one thread; the spaces take turns.
"""

import math
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import torch

from overnight.bo_core import BayesianProposer
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.propose import propose
from overnight.bo_core.search.sobol import sobol_points
from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import CampaignDefined, Event, TrialObserved, TrialProposed

_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_RESULTS, _SEEDS, _PENDING = (25, 100), 9, 4

Parameters = Mapping[str, Mapping[str, Any]]

_FLOAT = {"kind": "float", "low": 0.0, "high": 1.0}
_FLOATS: Parameters = {f"x{i}": _FLOAT for i in range(6)}
_MIXED: Parameters = {
    "x0": _FLOAT,
    "x1": _FLOAT,
    "choice": {"kind": "categorical", "choices": ["a", "b", "c", "d", "e"]},
    "switch": {"kind": "bool"},
    "n": {"kind": "int", "low": 1, "high": 9},
    "m": {"kind": "int", "low": 16, "high": 512, "step": 16},
}
_CONDITIONAL: Parameters = {
    "optimizer": {"kind": "categorical", "choices": ["a", "b", "c"]},
    "rate": _FLOAT,
    "p": {**_FLOAT, "when": {"optimizer": "a"}},
    "q": {**_FLOAT, "when": {"optimizer": ["b", "c"]}},
    "layers": {"kind": "int", "low": 1, "high": 4},
    "width": {"kind": "int", "low": 8, "high": 512, "scale": "log", "when": "layers >= 3"},
}
_DISTANCE = " + ".join(f"(x{i} - 0.5)**2" for i in range(6))
_SPACES: Mapping[str, tuple[Parameters, Sequence[str]]] = {
    "six floats": (_FLOATS, ()),
    "a half-space": (_FLOATS, ["x0 + x1 + x2 <= 1"]),
    "a mixture": (_FLOATS, [f"{' + '.join(_FLOATS)} == 1"]),
    "a ball": (_FLOATS, [f"{_DISTANCE} <= 0.16"]),
    "a tiny ball": (_FLOATS, [f"{_DISTANCE} <= 0.01"]),
    "mixed kinds": (_MIXED, ()),
    "mixed kinds with limits": (_MIXED, ["n * m <= 800", "x0 + 0.1 * n <= 1"]),
    "conditional": (_CONDITIONAL, ()),
}


def main() -> None:
    """Print a row for each space: the milliseconds of an ask, and their ratio to those of the first space."""
    torch.set_num_threads(1)
    print(f"| space | {' | '.join(f'{n} results' for n in _RESULTS)} |\n|---|{'---|' * len(_RESULTS)}")
    times = {n: _times(n) for n in _RESULTS}
    for name in _SPACES:
        cells = (f"{1000 * of[name]:.0f} ms ({of[name] / of['six floats']:.1f}×)" for of in times.values())
        print(f"| {name} | {' | '.join(cells)} |")


def _times(results: int) -> dict[str, float]:
    """Return the median seconds of an ask in each space; the first round is left out, because it fills caches."""
    taken: dict[str, list[float]] = {name: [] for name in _SPACES}
    for seed in range(_SEEDS + 1):
        for name, (parameters, constraints) in _SPACES.items():
            campaign = _campaign(parameters, constraints, seed)
            history = History.from_events(_events(campaign, results))
            start = time.process_time()
            [proposal] = propose(campaign, history, BayesianProposer(), 1)
            taken[name].append(time.process_time() - start)
            assert proposal.generator == "model", "expected a point of the model"
    return {name: statistics.median(found[1:]) for name, found in taken.items()}


def _campaign(parameters: Parameters, constraints: Sequence[str], seed: int) -> Campaign:
    return Campaign.model_validate(
        {
            "name": "asks",
            "parameters": parameters,
            "parameter_constraints": list(constraints),
            "minimize": "loss",
            "budget": {"trials": 1000},
            "seed": seed,
        }
    )


def _events(campaign: Campaign, results: int) -> Iterator[Event]:
    yield CampaignDefined(time=_NOON, actor="benchmark", uid="asks", definition=campaign)
    for i, point in enumerate(
        sobol_points(Encoding(campaign.space), campaign.seed, set(), results + _PENDING), start=1
    ):
        yield TrialProposed(time=_NOON, actor="benchmark", trial=i, point=point, generator="sobol")
        if i <= results:
            metrics = {"loss": Measurement(mean=_loss(point))}
            yield TrialObserved(time=_NOON, actor="benchmark", trial=i, attempt=1, metrics=metrics)


def _loss(point: Point) -> float:
    """Return a smooth loss of whatever a point holds."""
    numbers = [value for value in point.values() if isinstance(value, float)]
    bowl = sum((value - 0.3) ** 2 for value in numbers) + 0.1 * sum(len(str(value)) for value in point.values())
    return bowl + math.sin(5.0 * sum(numbers))


if __name__ == "__main__":
    main()
