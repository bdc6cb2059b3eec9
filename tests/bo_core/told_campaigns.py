"""Small campaigns and their histories, built from the events that a ledger would hold."""

import math
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.situation import Situation
from overnight.bo_core.data.state import Observed
from overnight.bo_core.propose import propose
from overnight.bo_core.proposer import BayesianProposer, SobolProposer
from overnight.campaign import Campaign, History, Measurement, ModelView, Point, Proposal
from overnight.campaign.evaluation import Cause
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    Event,
    TrialFailed,
    TrialObserved,
    TrialProposed,
)
from overnight.campaign.history.provenance import Provenance
from overnight.campaign.history.trial import Generator

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Tests that do not test replication need new points; `test_replication` enables it.
QUICK = BayesianProposer(draws=64, restarts=4, raw_points=128, device="cpu", replication="never")
MODEL = QUICK.model_copy(update={"initial": 2})
AVERAGED = MODEL.model_copy(update={"hyperparameters": "average"})

MIXED: dict[str, dict[str, Any]] = {
    "rate": {"kind": "float", "low": 1e-4, "high": 0.1, "scale": "log"},
    "share": {"kind": "float", "low": -1.0, "high": 2.0},
    "width": {"kind": "int", "low": 8, "high": 256, "scale": "log"},
    "depth": {"kind": "int", "low": 1, "high": 3},
    "batch": {"kind": "ordinal", "choices": [16, 32, 64, 128]},
    "method": {"kind": "categorical", "choices": ["adam", "sgd", True]},
    "epochs": {"kind": "fixed", "value": 20},
}


def cube(d: int) -> dict[str, dict[str, Any]]:
    """Return d parameters between 0 and 1."""
    return {f"x{i}": {"kind": "float", "low": 0.0, "high": 1.0} for i in range(d)}


def campaign_of(parameters: Mapping[str, Any], **more: Any) -> Campaign:
    """Return a campaign that minimises `loss` unless `more` overrides it."""
    goal = {} if "maximize" in more else {"minimize": "loss"}
    return Campaign.model_validate(
        {"name": "told", "parameters": parameters, "budget": {"trials": 100}, **goal, **more},
    )


def defined(campaign: Campaign) -> CampaignDefined:
    """Return the first event of every history."""
    return CampaignDefined(time=NOON, actor="test", uid="u", definition=campaign)


def proposed(
    trial: int, point: Point, generator: Generator = "manual", provenance: Provenance | None = None
) -> TrialProposed:
    """Return the event that a trial was proposed."""
    return TrialProposed(time=NOON, actor="test", trial=trial, point=point, generator=generator, provenance=provenance)


def observed(
    trial: int, mean: float, sem: float | None = None, metric: str = "loss", **spent: float | None
) -> TrialObserved:
    """Return the event that a trial was observed."""
    metrics = {metric: Measurement(mean=mean, sem=sem)}
    return TrialObserved.model_validate(
        {"time": NOON, "actor": "test", "trial": trial, "attempt": 1, "metrics": metrics} | spent
    )


def attempt(trial: int) -> AttemptStarted:
    """Return the event that a trial's first attempt started."""
    return AttemptStarted(time=NOON, actor="test", trial=trial, attempt=1, key=f"told/{trial}/1")


def failed(trial: int, cause: Cause = "infeasible") -> TrialFailed:
    """Return the event that a trial failed."""
    return TrialFailed(time=NOON, actor="test", trial=trial, attempt=1, cause=cause, message="no")


def history_of(
    campaign: Campaign,
    points: Sequence[Point],
    means: Sequence[float],
    sems: Sequence[float | None] | None = None,
    pending: Sequence[Point] = (),
) -> History:
    """Return a history of observed points, followed by pending ones."""
    events: list[Event] = [defined(campaign)]
    for i, (point, mean) in enumerate(zip(points, means, strict=True), start=1):
        point = campaign.space.point(point)
        sem = None if sems is None else sems[i - 1]
        events += [proposed(i, point), observed(i, mean, sem, campaign.objective.metric)]
    events += [proposed(i, campaign.space.point(p)) for i, p in enumerate(pending, start=len(points) + 1)]
    return History.from_events(events)


def add(history: History, proposals: Sequence[Proposal]) -> History:
    """Return the history with these proposals added as pending trials."""
    first = history.next_trial
    return history.extended(proposed(first + i, p.point, p.generator, p.provenance) for i, p in enumerate(proposals))


def bowl(point: Point) -> float:
    """Return a loss that is least if every number is 0.3."""
    return sum((float(x) - 0.3) ** 2 for x in point.values() if isinstance(x, float))


def some_points(campaign: Campaign, count: int, seed: int = 0) -> list[Point]:
    """Return points of the space chosen by the Sobol proposer."""
    other = campaign.model_copy(update={"seed": 1000 + seed, "baseline": None, "start_with": ()})
    return [p.point for p in propose(other, History(), SobolProposer(), count)]


def told(campaign: Campaign, count: int, pending: int = 0, noise: float = 0.02) -> History:
    """Return a history of observations of a noisy bowl, and pending trials."""
    noisy = random.Random(1)
    points = some_points(campaign, count + pending)
    means = [bowl(p) + noise * noisy.gauss(0, 1) for p in points[:count]]
    return history_of(campaign, points[:count], means, pending=points[count:])


def observed_by(campaign: Campaign, view: ModelView, *, learn_noise: bool = True) -> Observed:
    """Return a view's data for the objective."""
    encoding = Encoding(campaign.space)
    situation = Situation.of(campaign, view, encoding, learn_noise=learn_noise, hamming=False)
    return situation.observed[campaign.objective.metric]


def distance(a: Point, b: Point) -> float:
    """Return the distance between two numeric points."""
    return math.dist([float(a[name]) for name in a], [float(b[name]) for name in a])


def provenance_of(proposal: Proposal) -> Provenance:
    """Return the provenance of a proposal by the model."""
    assert proposal.provenance is not None
    return proposal.provenance


def acquisition_value(proposal: Proposal) -> float:
    """Return the acquisition value of a proposal by the model."""
    value = provenance_of(proposal).chosen.value
    assert value is not None
    return value


def key(point: Point) -> tuple[tuple[str, Any], ...]:
    """Return a key that is equal for equal points, in any order of their names."""
    return tuple(sorted(point.items()))
