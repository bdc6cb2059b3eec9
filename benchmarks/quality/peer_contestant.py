"""A peer as a contestant: asked in the unit cube, in a process of its own, about the same campaign as ours."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

import torch

from benchmarks.peers import PEERS, Asked, PeerProcess, Question, Recommended
from overnight.bo_core import SobolProposer
from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.propose import propose
from overnight.campaign import Campaign, History, Point, Proposal

# The same as for our own proposer: a single result is not enough for a model.
LEAST_OBSERVED = 2


class Peer(Protocol):
    """An optimizer that answers about a campaign in the unit cube; a PeerProcess is one."""

    def ask(self, question: Question, q: int) -> Asked:
        """Return the next q points."""
        ...

    def recommend(self, question: Question) -> Recommended:
        """Return which observed points to use."""
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
        start = start_points(campaign, history, q)
        more = q - len(start)
        if not more:
            return start
        encoding = Encoding(campaign.space)
        question = question_about(campaign, history, encoding)
        started = encoding.encode([p.point for p in start]).tolist()
        question = replace(question, pending=[*question.pending, *started])
        points = torch.tensor(self.peer.ask(question, more).points, dtype=torch.float64)
        decoded = map(encoding.decode, points.clamp(0, 1))
        return start + [Proposal(point=point, generator="model") for point in decoded if point is not None]

    def recommend(self, campaign: Campaign, history: History) -> tuple[Point, ...]:
        """Return the points that the peer recommends, which are observed."""
        observed = history.model_view().observed
        if len(observed) < LEAST_OBSERVED:
            return tuple(trial.point for trial in observed)
        question = question_about(campaign, history, Encoding(campaign.space))
        return tuple(observed[i].point for i in self.peer.recommend(question).indices)

    def versions(self) -> dict[str, str]:
        """Return the versions of the peer's libraries."""
        return self.peer.versions()


def start_points(campaign: Campaign, history: History, q: int) -> list[Proposal]:
    """Return the starting points among the next q points; they continue until there are two results."""
    too_few = len(history.model_view().observed) < LEAST_OBSERVED
    left = q if too_few else min(max(len(campaign.start_with) - len(history.trials), 0), q)
    return propose(campaign, history, SobolProposer(), left) if left else []


def question_about(campaign: Campaign, history: History, encoding: Encoding) -> Question:
    """Return what a campaign knows, as a peer is asked about it."""
    view, goal = history.model_view(), campaign.goal

    def readings(metric: str) -> list[float]:
        return [trial.measured[metric].mean for trial in view.observed]

    first, *further = goal.objectives
    return Question(
        d=encoding.d,
        X=encoding.encode([t.point for t in view.observed]).tolist(),
        y=readings(first.metric),
        pending=encoding.encode([t.point for t in view.pending]).tolist(),
        failed=encoding.encode([t.point for t in view.failed]).tolist(),
        further=[readings(objective.metric) for objective in further],
        worst=[objective.worst for objective in goal.objectives if objective.worst is not None],
        limited={metric: readings(metric) for metric in goal.limited},
        seed=seed_of(campaign, history.next_trial) % 2**31,
        exact=campaign.noise == "none",
    )
