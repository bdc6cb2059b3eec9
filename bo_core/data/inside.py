"""The trials inside the current space; after a person changed the space, proposals depend on these alone."""

from dataclasses import replace

from overnight.campaign import Campaign, History, ModelView
from overnight.campaign.definition import lies_in


def view_inside(campaign: Campaign, history: History) -> ModelView:
    """Return the model view without trials outside the campaign's space, which have no features.

    People's decisions about them still count. If the space is still the one that the campaign began with, all trials
    lie inside.
    """
    view = history.model_view()
    if history.defined is None or _spans_same(history.defined.definition, campaign):
        return view
    observed, pending, failed, stopped, withheld = (
        tuple(trial for trial in trials if lies_in(campaign, trial.point))
        for trials in (view.observed, view.pending, view.failed, view.stopped, view.withheld)
    )
    return replace(view, observed=observed, pending=pending, failed=failed, stopped=stopped, withheld=withheld)


def _spans_same(one: Campaign, other: Campaign) -> bool:
    """Return whether two definitions have the same points; which of them are fixed makes no difference."""
    constraints = one.parameter_constraints == other.parameter_constraints
    return one.parameters == other.parameters and constraints
