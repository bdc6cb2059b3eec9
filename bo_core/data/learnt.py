"""Decide whether the metric of a target is learnt in place of its distance from the target."""

from overnight.campaign import Campaign, ModelView
from overnight.campaign.goal.target import Target


def learnt_target(campaign: Campaign, view: ModelView) -> Target | None:
    """Return the target whose metric is learnt; None if the model learns the objective itself.

    The distance is learnt as any other metric is in A/B tests, at several fidelities and in contexts, all of which
    compare or move values of the objective; if constraints limit the distance itself; and if a result holds the
    distance but not the metric.
    """
    target = campaign.target
    if target is None or campaign.is_ab_test or campaign.fidelity is not None or campaign.context is not None:
        return None
    if target.distance in campaign.goal.limited:
        return None
    known = all(target.found_in(trial.measured) is not None for trial in view.observed)
    return target if known else None
