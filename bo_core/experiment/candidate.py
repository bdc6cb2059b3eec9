"""Choose the arm that goes through the stages of a ramp-up: the best one that was measured."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import key_of
from overnight.bo_core.data.inside import view_inside
from overnight.bo_core.experiment.breaches import breached_points
from overnight.bo_core.model import last_made_by_model, on_this_machine
from overnight.bo_core.numerics.failing_numbers import numbers_may_fail
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.stack import stack
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.proposer import WITHOUT_MODEL, AnyProposer, BayesianProposer
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.recommendation.counted import Counted, generator_for, is_baseline
from overnight.bo_core.recommendation.decisive import MOST
from overnight.bo_core.settings.user_code import Unusable
from overnight.campaign import Campaign, History, ModelView, Point
from overnight.campaign.errors import ModelFailed
from overnight.campaign.experiment.own_batch import Goals
from overnight.campaign.experiment.phase import stopped_points
from overnight.campaign.experiment.status_quo import status_quos
from overnight.campaign.history.provenance import Prediction, Provenance, Stack

# Without an arm that is feasible with the demanded probability, one that is more likely feasible than not is tried:
# the looks of its ramp-up stop it if it breaks a limit.
_LIKELY = 0.5


@dataclass(frozen=True)
class Promising:
    """The best arm, the predictions there, and the stack of the computation."""

    point: Point
    stack: Stack
    predicted: Mapping[str, Prediction] = field(default_factory=dict)


@own_state()
def candidate_of(
    campaign: Campaign, history: History, proposer: AnyProposer, rolled_back: Collection[Point]
) -> Promising | None:
    """Return the best arm that was measured and not rolled back; None if none is better than the status quo.

    That is the recommended one if it is another point than the status quo: the arm with the best posterior mean of
    those that are feasible with the demanded probability. Without such an arm, one counts that is more likely feasible
    than not. Points that a guardrail or harm stopped do not count, nor do those whose results show the same. A proposer
    without a model uses the default settings; if no model can be computed, differences to the status quo of the own
    batch take its place.
    """
    proposer = on_this_machine(proposer if isinstance(proposer, BayesianProposer) else WITHOUT_MODEL)
    view, last = view_inside(campaign, history), last_made_by_model(history)
    excluded = {key_of(point) for point in (*rolled_back, *stopped_points(view.stopped), *breached_points(history))}
    if not view.observed:
        return None
    try:
        with numbers_may_fail(), torch.inference_mode():
            return _believed(campaign, view, proposer, last, excluded)
    except (ModelFailed, Unusable):
        may = [trial for trial in view.observed if key_of(trial.point) not in excluded]
        best = next(iter(Goals(history.goal, status_quos(may)).best_arms(may)), None)
        if best is None or is_baseline(campaign, best.point):
            return None
        return Promising(best.point, Stack(libraries=stack()))


def _believed(
    campaign: Campaign,
    view: ModelView,
    proposer: BayesianProposer,
    last: Provenance | None,
    excluded: Collection[object],
) -> Promising | None:
    generator = generator_for(campaign)
    with threads_for(MOST):
        counted = Counted.of(campaign, view, proposer, last, generator)
    with threads_for(len(counted.situation.view.observed)) as threads:
        contest = counted.contest(generator)
        mean = contest.model.posterior.averaged(counted.tried.to(contest.model.device))[0].cpu()
        may = torch.tensor([key_of(trial.point) not in excluded for trial in counted.trials])
        if counted.baseline is not None:
            may &= mean > mean[counted.baseline]
        best = _best(contest, campaign, counted.tried, mean, may)
        if best is None:
            return None
        x = counted.tried[best : best + 1]
        predicted = {metric: model.prediction(x) for metric, model in contest.models.items()}
    made_on = Stack(device=contest.model.device.type, threads=threads, libraries=stack())
    return Promising(counted.trials[best].point, made_on, predicted)


def _best(contest: Contest, campaign: Campaign, X: Tensor, mean: Tensor, may: Tensor) -> int | None:
    """Return which of the points X [c, d] that `may` [c] be chosen has the best mean [c] of the feasible ones."""
    if any(limit.metric not in contest.models for limit in campaign.constraints):
        return None
    met = contest.probabilities(X)
    every = torch.ones_like(mean) if met is None else met.every
    for level in (campaign.feasible_at_least, min(_LIKELY, campaign.feasible_at_least)):
        among = may & (every >= level)
        if bool(among.any()):
            return int(mean.masked_fill(~among, -torch.inf).argmax())
    return None
