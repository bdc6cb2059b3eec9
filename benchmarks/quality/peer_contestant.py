"""A peer as a contestant: asked in the unit cube, in a process of its own, about the same campaign as ours."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch

from benchmarks.peers import PEERS, Asked, PeerProcess, Recommended
from benchmarks.peers.process import Limited, Rows
from overnight.bo_core import SobolProposer
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Point, Proposal

# The same as for our own proposer: a single result is not enough for a model.
_LEAST_OBSERVED = 2


class Peer(Protocol):
    """An optimizer that answers about a campaign in the unit cube; a PeerProcess is one."""

    def ask(
        self,
        X: Rows,
        y: Iterable[float],
        pending: Rows,
        failed: Rows,
        limited: Limited,
        *,
        d: int,
        q: int,
        seed: int,
        exact: bool,
    ) -> Asked:
        """Return the next q points."""
        ...

    def recommend(
        self,
        X: Rows,
        y: Iterable[float],
        pending: Rows,
        failed: Rows,
        limited: Limited,
        *,
        d: int,
        seed: int,
        exact: bool,
    ) -> Recommended:
        """Return which observed point to use."""
        ...

    def versions(self) -> dict[str, str]:
        """Return the versions of the peer's libraries."""
        ...


def open_peer(name: str) -> AbstractContextManager[Peer]:
    """Start a peer's process with one thread; it ends with the context."""
    return PeerProcess(PEERS[name].command(), threads=1)


class PeerContestant:
    """A contestant with the same starting points as ours; after these, the peer proposes.

    A peer sees every space as ours is encoded: a category is one coordinate for each choice, and its answers are
    rounded to the nearest point of the space.
    """

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.proposer = SobolProposer()
        self.file: Mapping[str, object] = {}

    def propose(self, campaign: Campaign, history: History, q: int) -> list[Proposal]:
        """Return the next q points; a campaign begins with its starting points."""
        start = _start_points(campaign, history, q)
        more = q - len(start)
        if not more:
            return start
        encoding = Encoding(campaign.parameters)
        known = _what_is_known(campaign, history, encoding)
        known["pending"] += encoding.encode([p.point for p in start]).tolist()
        points = torch.tensor(self.peer.ask(q=more, **known).points, dtype=torch.float64)
        decoded = [encoding.decode(point) for point in points.clamp(0, 1)]
        return start + [Proposal(point=point, generator="model") for point in decoded]

    def recommend(self, campaign: Campaign, history: History) -> Point | None:
        """Return the point that the peer recommends, one of the observed."""
        observed = history.model_view().observed
        if len(observed) < _LEAST_OBSERVED:
            return observed[0].point if observed else None
        known = _what_is_known(campaign, history, Encoding(campaign.parameters))
        return observed[self.peer.recommend(**known).index].point

    def versions(self) -> dict[str, str]:
        """Return the versions of the peer's libraries."""
        return self.peer.versions()


def _start_points(campaign: Campaign, history: History, q: int) -> list[Proposal]:
    """Return the starting points among the next q points; they continue until there are two results."""
    too_few = len(history.model_view().observed) < _LEAST_OBSERVED
    left = q if too_few else min(max(len(campaign.start_with) - len(history.trials), 0), q)
    return propose(campaign, history, SobolProposer(), left) if left else []


def _what_is_known(campaign: Campaign, history: History, encoding: Encoding) -> dict[str, Any]:
    view = history.model_view()
    limited = {metric: [t.measured[metric].mean for t in view.observed] for metric in campaign.goal.limited}
    return {
        "d": encoding.d,
        "X": encoding.encode([t.point for t in view.observed]).tolist(),
        "y": [value.mean for value in campaign.goal.values_of(view.observed)],
        "pending": encoding.encode([t.point for t in view.pending]).tolist(),
        "failed": encoding.encode([t.point for t in view.failed]).tolist(),
        "limited": limited,
        "seed": seed_of(campaign, history.next_trial) % 2**31,
        "exact": campaign.noise == "none",
    }
