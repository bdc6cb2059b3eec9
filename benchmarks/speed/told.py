"""A question in this project's terms: a campaign and its history."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from overnight.campaign import Campaign, History, Measurement, Proposal, Trial
from overnight.campaign.history.provenance import Provenance
from overnight.campaign.history.trial import Observation
from overnight.campaign.history.trials import Trials

_METRIC = "value"
_NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """Points with results y, pending points, and the number of points asked for."""

    campaign: Campaign
    X: list[list[float]]
    y: list[float]
    pending: list[list[float]]
    q: int

    @classmethod
    def of(cls, question: dict[str, Any]) -> "Told":
        """Read a question from the peers' protocol."""
        campaign = Campaign.model_validate(
            {
                "name": "speed",
                "parameters": {
                    f"x{j:02}": {"kind": "float", "low": 0.0, "high": 1.0} for j in range(int(question["d"]))
                },
                "minimize": _METRIC,
                "budget": {"trials": 10 * (len(question["y"]) + len(question["pending"]) + 1)},
                "seed": question["seed"],
            }
        )
        return cls(campaign, question["X"], question["y"], question["pending"], question["q"])

    def with_the_last_one_pending(self) -> "Told":
        """Return the question as it was before the last result arrived."""
        return replace(self, X=self.X[:-1], y=self.y[:-1], pending=[self.X[-1], *self.pending])


def told_history(told: Told, provenance: Provenance | None) -> History:
    """Return the history: the observed trials, then the pending ones; `provenance` belongs to the last trial.

    That trial was then proposed by the model when one result fewer was known.
    """
    points = told.X + told.pending
    trials = {}
    for i, x in enumerate(points, start=1):
        point = told.campaign.space.point({f"x{j:02}": value for j, value in enumerate(x)})
        by_model = provenance is not None and i == len(points)
        proposal = Proposal(
            point=point,
            generator="model" if by_model else "manual",
            provenance=provenance if by_model else None,
        )
        outcome = _observation(told.y[i - 1]) if i <= len(told.y) else None
        trials[i] = Trial(id=i, proposal=proposal, proposed=_NOON, outcome=outcome)
    return History(trials=Trials(trials))


def _observation(mean: float) -> Observation:
    return Observation(attempt=1, metrics={_METRIC: Measurement(mean=mean)}, ended=_NOON)
