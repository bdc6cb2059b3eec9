"""Count late trials that lie far off: `python -m benchmarks.far`, one worker on smooth functions, in a few minutes.

A trial is far off if a tenth of the space's points are better; it is late if it belongs to the second half of the
trials. Optuna's Gaussian process takes part if its environment is installed (`python -m benchmarks.peers.install
optuna-gp`). It starts from the same points, and it is not given standard errors because it does not accept them.
"""

import argparse
import math
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import torch

from benchmarks.peers import PEERS, PeerIsNotInstalled, PeerProcess, Question
from benchmarks.seeds import seeds_of
from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Measurement, Point, Proposal
from overnight.campaign.history.events import CampaignDefined, TrialObserved, TrialProposed

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_SAMPLED, _FAR = 2000, 0.1

Search = Callable[[Campaign, History], Proposal]


@dataclass(frozen=True)
class Landscape:
    """A function to minimise in a cube around 0 with d parameters, each from −bound to bound."""

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

OURS = {
    "overnight": BayesianProposer(),
    "overnight, hopeless points tried": BayesianProposer(hopeless="ignore"),
    "overnight, compressed tails": BayesianProposer(tails="compressed", hopeless="ignore"),
    "overnight, plain tails": BayesianProposer(tails="plain", hopeless="ignore"),
}


def own(proposer: BayesianProposer) -> Search:
    """Return our own search."""
    return lambda campaign, history: propose(campaign, history, proposer, 1)[0]


def peer(process: PeerProcess) -> Search:
    """Return the search of a peer, which starts from the same points as ours."""

    def search(campaign: Campaign, history: History) -> Proposal:
        encoding, observed = Encoding(campaign.space), history.model_view().observed
        if len(observed) < BayesianProposer().initial_points(encoding.k, campaign.budget.trials):
            return propose(campaign, history, SobolProposer(), 1)[0]
        X = encoding.encode([trial.point for trial in observed])
        y = [value.mean for value in campaign.goal.values_of(observed)]
        seed = seed_of(campaign, history.next_trial) % 2**31
        [x] = process.ask(Question(encoding.d, X.tolist(), y, seed=seed)).points
        point = encoding.decode(torch.tensor(x, dtype=torch.float64).clamp(0, 1))
        assert point is not None, "expected a plain space"
        return Proposal(point=point, generator="model")

    return search


def searches() -> Iterator[tuple[str, Search]]:
    """Yield each search with its name."""
    for name, proposer in OURS.items():
        yield name, own(proposer)
    with suppress(PeerIsNotInstalled), PeerProcess(PEERS["optuna-gp"].command(), threads=1) as process:
        yield "optuna-gp", peer(process)


def tried(landscape: Landscape, search: Search, trials: int, sem: float, seed: int) -> list[float]:
    """Return the true losses of a campaign's trials; a `sem` of 0 means exact results without standard errors."""
    low, high = -landscape.bound, landscape.bound
    parameters = {f"x{i}": {"kind": "float", "low": low, "high": high} for i in range(landscape.d)}
    definition = {"name": "far", "minimize": "loss", "parameters": parameters, "budget": {"trials": trials}}
    campaign, noise = Campaign.model_validate({**definition, "seed": seed}), random.Random(seed)
    history = History.from_events([CampaignDefined(time=_NOON, actor="far", uid="u", definition=campaign)])
    losses: list[float] = []
    for trial in range(1, trials + 1):
        proposal = search(campaign, history)
        losses.append(landscape.loss(proposal.point))
        made = TrialProposed(time=_NOON, actor="far", trial=trial, **dict(proposal))
        metrics = {"loss": Measurement(mean=losses[-1] + sem * noise.gauss(0, 1), sem=sem or None)}
        history = history.extended(
            [made, TrialObserved(time=_NOON, actor="far", trial=trial, attempt=1, metrics=metrics)]
        )
    return losses


def far_from(landscape: Landscape) -> float:
    """Return the loss above which a point lies far off."""
    rng = random.Random(0)
    sample = ([rng.uniform(-1, 1) * landscape.bound for _ in range(landscape.d)] for _ in range(_SAMPLED))
    return sorted(map(landscape.function, sample))[round(_FAR * _SAMPLED)]


def main() -> None:
    """Print the number of late trials that lie far off, and the best trial."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.far", description=__doc__)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--seeds", type=seeds_of, default="0-3", help="as 0-9 or 3 or 0,2,5")
    parser.add_argument("--landscapes", nargs="+", choices=LANDSCAPES, default=list(LANDSCAPES))
    asked = parser.parse_args()
    for name, landscape in ((name, LANDSCAPES[name]) for name in asked.landscapes):
        far = far_from(landscape)
        for sem in (0.1, 0.0):
            for who, search in searches():
                runs = [tried(landscape, search, asked.trials, sem, seed) for seed in asked.seeds]
                late = sum(loss > far for losses in runs for loss in losses[asked.trials // 2 :])
                best = ", ".join(f"{min(losses):.2g}" for losses in runs)
                share = f"{late} of {len(runs) * (asked.trials - asked.trials // 2)}"
                print(f"{name}, noise {sem}, {who}: {share} late trials far off; best tried {best}", flush=True)


if __name__ == "__main__":
    main()
