"""The trials inside the current space, and those outside of it: in other contexts, or since a person changed it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice

from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import Campaign, History, ModelView, Point, Trial
from overnight.campaign.definition import lies_in
from overnight.campaign.history.trial import Observation
from overnight.campaign.space import Space


def view_inside(campaign: Campaign, history: History) -> ModelView:
    """Return the model view without trials outside the campaign's space.

    People's decisions about them still count. Within a context, trials for other contexts lie outside. If the campaign
    has never had another space, all trials lie inside.
    """
    view = history.model_view()
    if _has_one_space(campaign, history):
        return view
    return _only(view, campaign.space)


def _only(view: ModelView, space: Space) -> ModelView:
    """Return a view of the trials in a space."""
    observed, pending, failed, stopped, withheld = (
        tuple(trial for trial in trials if not space.problems(trial.point))
        for trials in (view.observed, view.pending, view.failed, view.stopped, view.withheld)
    )
    return replace(view, observed=observed, pending=pending, failed=failed, stopped=stopped, withheld=withheld)


def observed_inside(campaign: Campaign, history: History, count: int) -> bool:
    """Return whether at least `count` observed trials lie inside the campaign's space, without viewing all of them."""
    unchanged = _has_one_space(campaign, history)
    inside = (
        trial
        for trial in history.trials.newest_first()
        if isinstance(trial.outcome, Observation) and (unchanged or lies_in(campaign, trial.point))
    )
    return len([*islice(inside, count)]) == count


def view_around(campaign: Campaign, history: History, encoding: Encoding, *, learn: bool = True) -> ModelView:
    """Return the model view with those trials outside of the space that have ended and have features nearby.

    Trials outside that have not ended are left out: they would count as points that may turn out best. Without `learn`,
    and further away, only the baseline is added, if limits are relative to it.
    """
    needed = _needed_baseline(campaign, encoding)
    if not learn and needed is None:
        return view_inside(campaign, history)
    if needed is None and _has_one_space(campaign, history):
        return history.model_view()
    return _with_outside(
        campaign, history, lambda trial: (learn and encoding.reaches(trial.point)) or trial.point == needed
    )


def view_across(campaign: Campaign, history: History, encoding: Encoding, *, around: bool) -> ModelView:
    """Return the model view with those trials that have ended in another context of the same space.

    With those `around`, others outside of the space count as well if they have features nearby. The baseline of the
    context always counts if limits are relative to it, as in `view_around`.
    """
    elsewhere, needed = replace(campaign.space, given={}), _needed_baseline(campaign, encoding)

    def counts(trial: Trial) -> bool:
        if trial.point == needed or not elsewhere.problems(trial.point):
            return True
        return around and encoding.reaches(trial.point)

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


def _needed_baseline(campaign: Campaign, encoding: Encoding) -> Point | None:
    """Return the baseline if limits are relative to it and it lies outside of the space, but not out of all reach."""
    point = campaign.status_quo if any(each.relative for each in (*campaign.constraints, *campaign.prefer)) else None
    return point if point is not None and not lies_in(campaign, point) and encoding.reaches_far(point) else None


def _ended(view: ModelView) -> tuple[Trial, ...]:
    return (*view.observed, *view.failed, *view.stopped)


def _has_one_space(campaign: Campaign, history: History) -> bool:
    """Return whether every definition that has held has the campaign's space, which no context narrows."""
    return not campaign.given and history.always_had_space_of(campaign)
