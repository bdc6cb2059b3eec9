"""Small campaigns and their histories, told as the events that a ledger would hold."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bo_core.propose import propose
from bo_core.proposer import AnyProposer, BayesianProposer
from campaign import Campaign, History, Measurement, Point, Proposal
from campaign.events import CampaignDefined, Event, TrialFailed, TrialObserved, TrialProposed
from campaign.trial import Generator, Provenance

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUICK = BayesianProposer(draws=64, restarts=4, raw_points=128, device="cpu")

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
    """Return a campaign that minimises `loss` unless told otherwise."""
    goal = {} if "maximize" in more else {"minimize": "loss"}
    return Campaign.model_validate(
        {"name": "told", "parameters": parameters, "budget": {"trials": 100}, **goal, **more},
    )


def defined(campaign: Campaign) -> CampaignDefined:
    """Return how every history begins."""
    return CampaignDefined(time=NOON, actor="test", uid="u", definition=campaign)


def proposed(
    trial: int, point: Point, generator: Generator = "manual", provenance: Provenance | None = None
) -> TrialProposed:
    """Return that a trial was proposed."""
    return TrialProposed(time=NOON, actor="test", trial=trial, point=point, generator=generator, provenance=provenance)


def observed(trial: int, mean: float, sem: float | None = None, metric: str = "loss") -> TrialObserved:
    """Return that a trial ended well."""
    metrics = {metric: Measurement(mean=mean, sem=sem)}
    return TrialObserved(time=NOON, actor="test", trial=trial, attempt=1, metrics=metrics)


def failed(trial: int) -> TrialFailed:
    """Return that a trial ended badly."""
    return TrialFailed(time=NOON, actor="test", trial=trial, attempt=1, cause="infeasible", message="no")


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
        point = campaign.parameters.point(point)
        sem = None if sems is None else sems[i - 1]
        events += [proposed(i, point), observed(i, mean, sem, campaign.objective.metric)]
    events += [proposed(i, campaign.parameters.point(p)) for i, p in enumerate(pending, start=len(points) + 1)]
    return History.from_events(events)


def add(history: History, proposals: Sequence[Proposal]) -> History:
    """Return the history in which these proposals have become pending trials."""
    first = history.next_trial
    return history.extended(proposed(first + i, p.point, p.generator, p.provenance) for i, p in enumerate(proposals))


def run_campaign(
    campaign: Campaign, measure: Callable[[Point], float], trials: int, proposer: AnyProposer = QUICK
) -> History:
    """Return the history of trials that are proposed and observed one after the other."""
    history = History.from_events([defined(campaign)])
    for _ in range(trials):
        [proposal] = propose(campaign, history, proposer, 1)
        trial = history.next_trial
        history = add(history, [proposal]).extended([observed(trial, measure(proposal.point))])
    return history


def key(point: Point) -> tuple[tuple[str, Any], ...]:
    """Return what makes points equal, whatever the order of their names."""
    return tuple(sorted(point.items()))
