"""The reasons for which a proposal waits for a person; unknown values count as over the limit."""

from collections.abc import Iterator

from overnight.campaign.approval import ApprovalPolicy, Limit, Predicted
from overnight.campaign.definition import Campaign
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Proposal
from overnight.campaign.parameters import (
    Parameter,
    Value,
)
from overnight.campaign.space import Point
from overnight.campaign.standing.spending import costs_were_told, spending

# Distances are rounded: from 0.5 to 0.8 is no more than 0.3.
_ROUNDING = 1e-9


def why_parked(campaign: Campaign, history: History, proposal: Proposal) -> str | None:
    """Return why a proposal may be started only once a person has approved it; None where it may be started at once.

    The baseline and `start_with` stand in the campaign's file: people have chosen them.
    """
    policy = campaign.approve
    if policy == "never" or proposal.generator in ("baseline", "manual"):
        return None
    if not isinstance(policy, ApprovalPolicy):
        return "all that is computed does (`approve: always`)"
    reasons = [*_changes(campaign, policy, proposal.point)]
    if policy.when.predicted is not None:
        reasons += _prediction(campaign, policy.when.predicted, proposal)
    if policy.when.cost is not None:
        reasons += _cost(policy.when.cost, history, proposal)
    return "; ".join(reasons) or None


def _changes(campaign: Campaign, policy: ApprovalPolicy, point: Point) -> Iterator[str]:
    if campaign.baseline is None:
        return
    baseline = campaign.parameters.point(campaign.baseline)
    for name, limit in policy.when.limits(campaign.parameters).items():
        before, now = baseline.get(name), point.get(name)
        too_far = _too_far(campaign.parameters.root[name], limit, before, now)
        if too_far is not None:
            yield f"{name} is {_said(now)}, {too_far} (`approve.when.change`)"


def _too_far(parameter: Parameter, limit: Limit, before: Value | None, now: Value | None) -> str | None:
    """Return how far a value is from the baseline's, if that is beyond the limit.

    A parameter that is active at only one of the two points is beyond every limit, except a list of other choices.
    """
    was, becomes = (None if value is None else parameter.canonical(value) for value in (before, now))
    if was == becomes:
        return None
    if isinstance(limit, tuple):
        listed = becomes in [parameter.canonical(choice) for choice in limit]
        return f"one of the choices to be approved, and {_said(before)} in the baseline" if listed else None
    if limit == "any" or was is None or becomes is None:
        return f"and {_said(before)} in the baseline"
    share = parameter.distance(was, becomes)
    if share <= limit + _ROUNDING:
        return None
    return f"{share:.3g} of its range away from {_said(before)} in the baseline, more than {limit:g}"


def _prediction(campaign: Campaign, limit: Predicted, proposal: Proposal) -> Iterator[str]:
    objective, sds = campaign.objective, limit.standard_deviations
    predicted = proposal.prediction(objective.metric)
    if predicted is None or (predicted.sd is None and sds):
        yield f"nothing predicts {objective.metric} there (`approve.when.predicted`)"
        return
    edge = objective.worsened(predicted.mean, by=sds * (predicted.sd or 0.0))
    # Also where it is no number at all.
    if not objective.turned(edge) >= objective.turned(limit.worse_than):
        within = f" within {sds:g} standard deviations" if sds else ""
        yield (
            f"{objective.metric} is predicted {edge:.4g}{within}, worse than {limit.worse_than:g} "
            "(`approve.when.predicted`)"
        )


def _cost(limit: float, history: History, proposal: Proposal) -> Iterator[str]:
    trials, made = history.trials.values(), proposal.provenance
    # Where no costs were told it is in seconds, which say nothing of a limit in the evaluator's unit.
    predicted = made.weights.predicted_cost if made is not None and costs_were_told(trials) else None
    expected = spending(trials).expected_cost if predicted is None else predicted
    if expected is None:
        yield "nothing is known of what it costs (`approve.when.cost`)"
    elif not expected <= limit:
        whence = "as others did on average" if predicted is None else "by prediction"
        yield f"it is expected to cost {expected:.4g} {whence}, more than {limit:g} (`approve.when.cost`)"


def _said(value: Value | None) -> str:
    if value is None:
        return "not active"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
