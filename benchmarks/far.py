"""How many late trials lie far off: `python -m benchmarks.far`, one worker on smooth functions, in a minute or two.

Far off is worse than a tenth of the space's points; late is the second half of the trials.
"""

import argparse
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import CampaignDefined, TrialObserved, TrialProposed

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_SAMPLED, _FAR = 2000, 0.1


@dataclass(frozen=True)
class Landscape:
    """A function to minimise in a cube around 0 of so many parameters, from −bound to bound."""

    function: Callable[[list[float]], float]
    d: int
    bound: float = 5.0

    def loss(self, point: Point) -> float:
        """Return the true loss at a point."""
        return self.function([float(value) for value in point.values()])


def _levy(x: list[float]) -> float:
    w = [1 + (value - 1) / 4 for value in x]
    middle = sum((a - 1) ** 2 * (1 + 10 * math.sin(math.pi * a + 1) ** 2) for a in w[:-1])
    return math.sin(math.pi * w[0]) ** 2 + middle + (w[-1] - 1) ** 2 * (1 + math.sin(2 * math.pi * w[-1]) ** 2)


LANDSCAPES = {
    "bowl-2": Landscape(lambda x: (x[0] - 1) ** 2 + (x[1] - 2) ** 2, 2),
    "bowl-4": Landscape(lambda x: sum((a - b) ** 2 for a, b in zip(x, (1, 2, -1, 0.5), strict=True)), 4),
    "rosenbrock-2": Landscape(lambda x: (1 - x[0]) ** 2 + 10 * (x[1] - x[0] ** 2) ** 2, 2),
    "levy-3": Landscape(_levy, 3, bound=10.0),
}


def tried(landscape: Landscape, proposer: BayesianProposer, trials: int, sem: float, seed: int) -> list[float]:
    """Return the true losses of a campaign's trials; with a `sem` of 0 the results are exact, which is not said."""
    low, high = -landscape.bound, landscape.bound
    parameters = {f"x{i}": {"kind": "float", "low": low, "high": high} for i in range(landscape.d)}
    definition = {"name": "far", "minimize": "loss", "parameters": parameters, "budget": {"trials": trials}}
    campaign, noise = Campaign.model_validate({**definition, "seed": seed}), random.Random(seed)
    history = History.from_events([CampaignDefined(time=_NOON, actor="far", uid="u", definition=campaign)])
    losses: list[float] = []
    for trial in range(1, trials + 1):
        [proposal] = propose(campaign, history, proposer, 1)
        losses.append(landscape.loss(proposal.point))
        made = TrialProposed(time=_NOON, actor="far", trial=trial, **dict(proposal))
        metrics = {"loss": Measurement(mean=losses[-1] + sem * noise.gauss(0, 1), sem=sem or None)}
        history = history.extended(
            [made, TrialObserved(time=_NOON, actor="far", trial=trial, attempt=1, metrics=metrics)]
        )
    return losses


def main() -> None:
    """Print how many late trials lie far off, and the best that was tried."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.far", description=__doc__)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=int, default=4)
    asked = parser.parse_args()
    for name, landscape in LANDSCAPES.items():
        rng = random.Random(0)
        sample = ([rng.uniform(-1, 1) * landscape.bound for _ in range(landscape.d)] for _ in range(_SAMPLED))
        far = sorted(map(landscape.function, sample))[round(_FAR * _SAMPLED)]
        for sem in (0.1, 0.0):
            for tails in ("compressed", "auto", "plain"):
                proposer = BayesianProposer(tails=tails)
                runs = [tried(landscape, proposer, asked.trials, sem, seed) for seed in range(asked.seeds)]
                late = [sum(loss > far for loss in losses[asked.trials // 2 :]) for losses in runs]
                best = ", ".join(f"{min(losses):.2g}" for losses in runs)
                share = f"{sum(late)} of {asked.seeds * (asked.trials - asked.trials // 2)}"
                print(f"{name}, noise {sem}, tails {tails}: {share} late trials far off; best tried {best}", flush=True)


if __name__ == "__main__":
    main()
