"""The trials inside the current space, and those that lie close enough outside after a person changed it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import Campaign, History, ModelView, Trial
from overnight.campaign.definition import lies_in
from overnight.campaign.history.trial import Observation


def view_inside(campaign: Campaign, history: History) -> ModelView:
    """Return the model view without trials outside the campaign's space.

    People's decisions about them still count. If the campaign has never had another space, all trials lie inside.
    """
    view = history.model_view()
    if _never_revised(campaign, history):
        return view
    observed, pending, failed, stopped, withheld = (
        tuple(trial for trial in trials if lies_in(campaign, trial.point))
        for trials in (view.observed, view.pending, view.failed, view.stopped, view.withheld)
    )
    return replace(view, observed=observed, pending=pending, failed=failed, stopped=stopped, withheld=withheld)


def observed_inside(campaign: Campaign, history: History, count: int) -> bool:
    """Return whether at least `count` observed trials lie inside the campaign's space, without viewing all of them."""
    unchanged = _never_revised(campaign, history)
    inside = (
        trial
        for trial in history.trials.newest_first()
        if isinstance(trial.outcome, Observation) and (unchanged or lies_in(campaign, trial.point))
    )
    return len([*islice(inside, count)]) == count


def view_around(campaign: Campaign, history: History, encoding: Encoding) -> ModelView:
    """Return the model view with those trials outside of the space that have ended and have features nearby.

    Trials outside that have not ended are left out: they would count as points that may turn out best.
    """
    if _never_revised(campaign, history):
        return history.model_view()
    everything, inside = history.model_view(), view_inside(campaign, history)
    known = {trial.id for trial in _ended(inside)}
    outside = frozenset(
        trial.id for trial in _ended(everything) if trial.id not in known and encoding.reaches(trial.point)
    )
    if not outside:
        return inside

    def kept(trials: Sequence[Trial]) -> tuple[Trial, ...]:
        return tuple(trial for trial in trials if trial.id in known or trial.id in outside)

    observed, failed, stopped = kept(everything.observed), kept(everything.failed), kept(everything.stopped)
    return replace(inside, observed=observed, failed=failed, stopped=stopped, outside=outside)


def _ended(view: ModelView) -> tuple[Trial, ...]:
    return (*view.observed, *view.failed, *view.stopped)


def _never_revised(campaign: Campaign, history: History) -> bool:
    """Return whether every definition that has held has the campaign's space."""
    definitions = (*history.superseded, history.definition) if history.defined is not None else ()
    return all(_spans_same(each, campaign) for each in definitions)


def _spans_same(one: Campaign, other: Campaign) -> bool:
    """Return whether two definitions have the same points; which of them are fixed makes no difference."""
    constraints = one.parameter_constraints == other.parameter_constraints
    return one.parameters == other.parameters and constraints
