"""The contestants: our proposer, its variants, points that learn nothing, and the peers."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Protocol

from benchmarks.peers import PEERS, PeerIsNotInstalled
from benchmarks.quality.cells import Cell
from benchmarks.quality.native_contestant import UNCHECKED, NativeContestant, open_native_peer
from benchmarks.quality.peer_contestant import PeerContestant, open_peer
from overnight.bo_core import AnyProposer, BayesianProposer, SobolProposer
from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import recommend
from overnight.campaign import Campaign, History, Point, Proposal


class Contestant(Protocol):
    """A source of proposals and of the final recommendation; both depend on their arguments alone."""

    @property
    def proposer(self) -> AnyProposer:
        """Return the settings of the proposer as the controller sees them."""
        ...

    @property
    def file(self) -> Mapping[str, object]:
        """Return what the campaign's file contains in addition."""
        ...

    def propose(self, campaign: Campaign, history: History, q: int) -> list[Proposal]:
        """Return the next q points."""
        ...

    def recommend(self, campaign: Campaign, history: History) -> tuple[Point, ...]:
        """Return the points that are believed to be best, measured or not; none if nothing is observed.

        That is one point, or a front if there are several objectives.
        """
        ...

    def versions(self) -> dict[str, str]:
        """Return the versions of the libraries that compute."""
        ...


@dataclass(frozen=True)
class OwnContestant:
    """One of our proposers, with our recommendation of measured points or of points anywhere."""

    proposer: AnyProposer = field(default_factory=BayesianProposer)
    anywhere: bool = False
    file: Mapping[str, object] = field(default_factory=dict)

    def propose(self, campaign: Campaign, history: History, q: int) -> list[Proposal]:
        """Return the next q points."""
        return propose(campaign, history, self.proposer, q)

    def recommend(self, campaign: Campaign, history: History) -> tuple[Point, ...]:
        """Return the points that we recommend."""
        found = recommend(campaign, history, self.proposer, anywhere=self.anywhere)
        if found is None:
            return ()
        return tuple(each.point for each in found.front) or (found.point,)

    def versions(self) -> dict[str, str]:
        """Return the versions of our libraries; our own is the commit."""
        return {name: version(name) for name in ("torch", "gpytorch", "numpy", "scipy")}


# Its recommendation judges the searches of all contestants alike.
JUDGE = OwnContestant()

_PROPOSERS: dict[str, AnyProposer] = {
    "overnight": BayesianProposer(),
    "overnight-averaged": BayesianProposer(hyperparameters="average"),
    "overnight-repeats": BayesianProposer(replication="always"),
    "overnight-ignore": BayesianProposer(pending="ignore"),
    "overnight-liar-min": BayesianProposer(pending="liar_min"),
    "overnight-liar-mean": BayesianProposer(pending="liar_mean"),
    "overnight-liar-max": BayesianProposer(pending="liar_max"),
    "overnight-believer": BayesianProposer(pending="believer"),
    "overnight-infeasible-ignored": BayesianProposer(feasibility="ignore"),
    "overnight-compressed-tails": BayesianProposer(tails="compressed", hopeless="ignore"),
    "overnight-hopeless-ignored": BayesianProposer(hopeless="ignore"),
    "overnight-cost-aware": BayesianProposer(cost_aware=True),
    "sobol": SobolProposer(),
}

OURS = {name: OwnContestant(proposer) for name, proposer in _PROPOSERS.items()}

NAMES = (*OURS, *PEERS)


def may_run(name: str, cell: Cell) -> bool:
    """Return whether a contestant takes all metrics of a cell, and if it is a native one, can express its space."""
    if name in OURS:
        return True
    peer = PEERS[name]
    if cell.native:
        return peer.native is not None and (peer.expresses_all or cell.problem.space.is_plain)
    return not cell.problem.further or peer.takes_further_metrics


def file_of(name: str, cell: Cell) -> Mapping[str, object]:
    """Return what the file of a contestant's campaign contains in addition."""
    return OURS[name].file if name in OURS else UNCHECKED if cell.native else {}


def installed() -> list[str]:
    """Return the contestants available on this machine: ours, and the peers with a virtual environment."""
    return [*OURS, *(name for name in PEERS if _is_installed(name))]


def _is_installed(peer: str) -> bool:
    try:
        PEERS[peer].command()
    except PeerIsNotInstalled:
        return False
    return True


@contextmanager
def contestant_for(cell: Cell, name: str) -> Iterator[Contestant]:
    """Open a contestant for one campaign; a peer's process ends with it."""
    if name in OURS:
        yield OURS[name]
    elif cell.native:
        with open_native_peer(name) as peer:
            yield NativeContestant(peer, cell.problem.parameter_constraints)
    else:
        with open_peer(name) as peer:
            yield PeerContestant(peer)
