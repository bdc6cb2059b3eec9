"""The trials inside the current space, and those outside of it: in other contexts, or since a person changed it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import Campaign, History, ModelView, Trial
from overnight.campaign.space import Space


def view_inside(campaign: Campaign, history: History) -> ModelView:
    """Return the model view without trials outside the campaign's space.

    People's decisions about them still count. Within a context, trials for other contexts lie outside. If the campaign
    has never had another space, all trials lie inside.
    """
    view = history.model_view()
    if campaign.given:
        return _only(view, campaign.space)
    if history.defined is None or all(_spans_same(each, campaign) for each in _definitions(history)):
        return view
    return _only(view, campaign.space)


def _only(view: ModelView, space: Space) -> ModelView:
    """Return a view of the trials in a space."""
    observed, pending, failed, stopped, withheld = (
        tuple(trial for trial in trials if not space.problems(trial.point))
        for trials in (view.observed, view.pending, view.failed, view.stopped, view.withheld)
    )
    return replace(view, observed=observed, pending=pending, failed=failed, stopped=stopped, withheld=withheld)


def view_around(campaign: Campaign, history: History, encoding: Encoding) -> ModelView:
    """Return the model view with those trials outside of the space that have ended and have features nearby.

    Trials outside that have not ended are left out: they would count as points that may turn out best.
    """
    return _with_outside(campaign, history, lambda trial: encoding.reaches(trial.point))


def view_across(campaign: Campaign, history: History, encoding: Encoding, *, around: bool) -> ModelView:
    """Return the model view with those trials that have ended in another context of the same space.

    With those `around`, others outside of the space count as well if they have features nearby.
    """
    elsewhere = replace(campaign.space, given={})

    def counts(trial: Trial) -> bool:
        return not elsewhere.problems(trial.point) or (around and encoding.reaches(trial.point))

    return _with_outside(campaign, history, counts)


def _with_outside(campaign: Campaign, history: History, counts: Callable[[Trial], bool]) -> ModelView:
    everything, inside = history.model_view(), view_inside(campaign, history)
    known = {trial.id for trial in _ended(inside)}
    outside = frozenset(trial.id for trial in _ended(everything) if trial.id not in known and counts(trial))
    if not outside:
        return inside

    def kept(trials: Sequence[Trial]) -> tuple[Trial, ...]:
        return tuple(trial for trial in trials if trial.id in known or trial.id in outside)

    observed, failed, stopped = kept(everything.observed), kept(everything.failed), kept(everything.stopped)
    return replace(inside, observed=observed, failed=failed, stopped=stopped, outside=outside)


def _ended(view: ModelView) -> tuple[Trial, ...]:
    return (*view.observed, *view.failed, *view.stopped)


def _definitions(history: History) -> tuple[Campaign, ...]:
    """Return every definition that has held."""
    return (*history.superseded, history.definition)


def _spans_same(one: Campaign, other: Campaign) -> bool:
    """Return whether two definitions have the same points; which of them are fixed makes no difference."""
    constraints = one.parameter_constraints == other.parameter_constraints
    return one.parameters == other.parameters and constraints
