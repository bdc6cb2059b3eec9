"""The trials inside the current bounds, on which alone a proposal depends after people changed the bounds."""

from dataclasses import replace

from overnight.campaign import Campaign, History, ModelView
from overnight.campaign.definition import lies_in


def view_inside(campaign: Campaign, history: History) -> ModelView:
    """Return the model view without the trials outside of the campaign's space, whose features would be none.

    What people decided about them counts all the same. Where the parameters are the ones that the campaign began with,
    all trials lie in it.
    """
    view = history.model_view()
    if history.defined is None or history.defined.definition.parameters == campaign.parameters:
        return view
    observed, pending, failed, stopped, withheld = (
        tuple(trial for trial in trials if lies_in(campaign, trial.point))
        for trials in (view.observed, view.pending, view.failed, view.stopped, view.withheld)
    )
    return replace(view, observed=observed, pending=pending, failed=failed, stopped=stopped, withheld=withheld)
