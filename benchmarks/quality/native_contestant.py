"""A peer as a contestant that is asked in the parameters themselves, in a process of its own.

It learns the constraints between parameters as its users would pass them. Its points are not checked before they are
proposed: a point that is not allowed is a trial that fails.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from benchmarks.peers import PEERS, PeerProcess, Recommended
from benchmarks.peers.space_question import Linear, SpaceQuestion
from benchmarks.quality.peer_contestant import LEAST_OBSERVED, start_points
from overnight.bo_core import SobolProposer
from overnight.bo_core.data.state import seed_of
from overnight.campaign import Campaign, History, Point, Proposal
from overnight.campaign.space.equalities import NotLinear, linear
from overnight.campaign.values.comparison import Comparison, read_comparison

# The file of a campaign whose proposals are not checked.
UNCHECKED: Mapping[str, object] = {"parameter_constraints": []}


class NativePeer(Protocol):
    """An optimizer that answers in the parameters of a campaign; a PeerProcess is one."""

    def ask_in_space(self, question: SpaceQuestion, q: int) -> list[dict[str, Any]]:
        """Return the next q points, each with the values of its active parameters."""
        ...

    def recommend(self, question: SpaceQuestion) -> Recommended:
        """Return which observed point to use."""
        ...

    def versions(self) -> dict[str, str]:
        """Return the versions of the peer's libraries."""
        ...


def open_native_peer(name: str) -> AbstractContextManager[NativePeer]:
    """Start a peer's process with one thread; it ends with the context."""
    return PeerProcess(PEERS[name].command(native=True), threads=1)


class NativeContestant:
    """A contestant with the same starting points as ours; after these, the peer proposes."""

    def __init__(self, peer: NativePeer, constraints: Sequence[str]) -> None:
        self.peer = peer
        self.constraints = [read_comparison(text) for text in constraints]
        self.proposer = SobolProposer()
        self.file = UNCHECKED

    def propose(self, campaign: Campaign, history: History, q: int) -> list[Proposal]:
        """Return the next q points; a campaign begins with its starting points."""
        start = start_points(self._constrained(campaign), history, q)
        more = q - len(start)
        if not more:
            return start
        found = self.peer.ask_in_space(self.question(campaign, history, [p.point for p in start]), more)
        return start + [Proposal(point=campaign.space.point(values), generator="model") for values in found]

    def recommend(self, campaign: Campaign, history: History) -> tuple[Point, ...]:
        """Return the point that the peer recommends, which is observed."""
        observed = history.model_view().observed
        if len(observed) < LEAST_OBSERVED:
            return tuple(trial.point for trial in observed)
        return tuple(observed[i].point for i in self.peer.recommend(self.question(campaign, history, [])).indices)

    def versions(self) -> dict[str, str]:
        """Return the versions of the peer's libraries."""
        return self.peer.versions()

    def _constrained(self, campaign: Campaign) -> Campaign:
        """Return the campaign with the constraints, which start points meet."""
        constraints = [constraint.text for constraint in self.constraints]
        return Campaign.model_validate({**campaign.model_dump(mode="json"), "parameter_constraints": constraints})

    def question(self, campaign: Campaign, history: History, chosen: Sequence[Point]) -> SpaceQuestion:
        """Return what a campaign knows, with further points that are chosen."""
        return question_in_space(campaign, history, self.constraints, chosen)


def question_in_space(
    campaign: Campaign, history: History, constraints: Sequence[Comparison] = (), chosen: Sequence[Point] = ()
) -> SpaceQuestion:
    """Return what a campaign under these constraints knows, with further points that are chosen."""
    view = history.model_view()
    points = {
        "X": [t.point for t in view.observed],
        "pending": [*(t.point for t in view.pending), *chosen],
        "failed": [t.point for t in view.failed],
    }
    limits = [each for each in constraints if not each.is_equality]
    return SpaceQuestion(
        parameters={n: p.model_dump(mode="json", exclude_none=True) for n, p in campaign.parameters.items()},
        linear=[each for constraint in constraints for each in _linear(constraint)],
        y=[trial.measured[campaign.objective.metric].mean for trial in view.observed],
        excess={name: [[_excess(c, point) for c in limits] for point in of] for name, of in points.items()},
        seed=seed_of(campaign, history.next_trial) % 2**31,
        exact=campaign.noise == "none",
        **points,
    )


def _linear(constraint: Comparison) -> list[Linear]:
    """Return a constraint as sums that are at most a number, or equal to it; an empty list if it is not linear."""
    found = list[Linear]()
    for pair in constraint.pairs:
        try:
            rest = linear(pair.left) - linear(pair.right)
        except NotLinear:
            return []
        turned = -1.0 if pair.sign in (">=", ">") else 1.0
        weights = {name: turned * float(weight) for name, weight in rest.weights.items()}
        found.append(Linear(weights, -turned * float(rest.constant), equal=pair.sign == "=="))
    return found


def _excess(constraint: Comparison, point: Point) -> float:
    """Return by how much a point exceeds a constraint; at most 0 if it meets it."""
    values = {name: float(point[name]) for name in constraint.names}
    over = [
        (pair.left.value(values) - pair.right.value(values)) * (-1.0 if pair.sign in (">=", ">") else 1.0)
        for pair in constraint.pairs
    ]
    return max(over)
