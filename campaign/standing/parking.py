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
from overnight.campaign.standing.fidelity_costs import FidelityCosts
from overnight.campaign.standing.spending import has_reported_costs, spending
from overnight.campaign.values.spelling import yaml_text

# Distances are rounded, so that from 0.5 to 0.8 is not more than 0.3.
_ROUNDING = 1e-9


def why_parked(campaign: Campaign, history: History, proposal: Proposal) -> str | None:
    """Return why a proposal must be approved by a person before it starts; None if it may start at once.

    The baseline and `start_with` never wait, because a person chose them in the campaign file.
    """
    policy = campaign.approve
    if proposal.generator == "ramp_up" and campaign.ramp_up is not None and campaign.ramp_up.approve:
        return f"{proposal.weight or 0.0:.3g} of the traffic needs approval (`ramp_up.approve`)"
    if policy == "never" or proposal.generator in ("baseline", "manual"):
        return None
    if not isinstance(policy, ApprovalPolicy):
        return "every computed point needs approval (`approve: always`)"
    given = campaign.context_of(proposal.point)
    reasons = [*_changes(campaign if given is None else campaign.within(given), policy, proposal.point)]
    if policy.when.predicted is not None:
        reasons += _prediction(campaign, policy.when.predicted, proposal)
    if policy.when.cost is not None:
        reasons += _cost(campaign, policy.when.cost, history, proposal)
    return "; ".join(reasons) or None


def _changes(campaign: Campaign, policy: ApprovalPolicy, point: Point) -> Iterator[str]:
    baseline = campaign.status_quo
    if baseline is None:
        return
    for name, limit in policy.when.limits(campaign.parameters).items():
        before, now = baseline.get(name), point.get(name)
        too_far = _too_far(campaign.parameters.root[name], limit, before, now)
        if too_far is not None:
            yield f"{name} is {_text(now)}, {too_far} (`approve.when.change`)"


def _too_far(parameter: Parameter, limit: Limit, before: Value | None, now: Value | None) -> str | None:
    """Return how far a value is from the baseline's, if that is beyond the limit.

    A parameter that is active at only one of the two points is beyond every limit, except a list of other choices.
    """
    was, becomes = (None if value is None else parameter.elsewhere(value) for value in (before, now))
    if was == becomes:
        return None
    if isinstance(limit, tuple):
        listed = becomes in [parameter.canonical(choice) for choice in limit]
        return f"one of the choices that need approval, and {_text(before)} in the baseline" if listed else None
    # A choice that was dropped has no distance to others.
    if limit == "any" or was is None or becomes is None or (parameter.listed and was not in parameter.listed):
        return f"and {_text(before)} in the baseline"
    share = parameter.distance(was, becomes)
    if share <= limit + _ROUNDING:
        return None
    return f"{share:.3g} of its range away from {_text(before)} in the baseline, more than {limit:g}"


def _prediction(campaign: Campaign, limit: Predicted, proposal: Proposal) -> Iterator[str]:
    objective, sds = campaign.objective, limit.standard_deviations
    predicted = proposal.prediction(objective.metric)
    if predicted is None or (predicted.sd is None and sds):
        yield f"{objective.metric} is not predicted there (`approve.when.predicted`)"
        return
    edge = objective.worsened(predicted.mean, by=sds * (predicted.sd or 0.0))
    # Negated, so that NaN counts as worse, too.
    if not objective.turned(edge) >= objective.turned(limit.worse_than):
        within = f" within {sds:g} standard deviations" if sds else ""
        yield (
            f"{objective.metric} is predicted {edge:.4g}{within}, worse than {limit.worse_than:g} "
            "(`approve.when.predicted`)"
        )


def _cost(campaign: Campaign, limit: float, history: History, proposal: Proposal) -> Iterator[str]:
    trials, made = history.trials.values(), proposal.provenance
    # If no costs were reported, the predictions are in seconds, which cannot be compared with a limit in another unit.
    predicted = made.weights.predicted_cost if made is not None and has_reported_costs(trials) else None
    expected = spending(trials).expected_cost if predicted is None else predicted
    source = "the average of the others" if predicted is None else "predicted"
    if (fidelity := campaign.fidelity) is not None:
        expected, source = FidelityCosts.of(fidelity, history).at(proposal.point), "that of its fidelity"
    if expected is None:
        yield "its cost is unknown (`approve.when.cost`)"
    elif not expected <= limit:
        yield f"its expected cost is {expected:.4g} ({source}), more than {limit:g} (`approve.when.cost`)"


def _text(value: Value | None) -> str:
    if value is None:
        return "not active"
    return f"{value:.4g}" if isinstance(value, float) else yaml_text(value)
