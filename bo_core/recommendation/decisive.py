"""Select the observations that matter for a recommendation, if there are very many.

A model of n observations costs n³ in time and n² in memory. It predicts little more about the best than a model of the
observations near the best and of a representative part of the others (a local approximation, Gramacy and Apley 2015).
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from overnight.bo_core.data.encoding import Encoding, PointKey, key_of
from overnight.bo_core.limits import Limits
from overnight.bo_core.model import Model
from overnight.bo_core.proposer import BayesianProposer
from overnight.bo_core.recommendation.contest import Contest
from overnight.bo_core.recommendation.dominance import excess, on_front
from overnight.bo_core.situated import situated
from overnight.campaign import Campaign, ModelView, Trial

# The most distinct points that are kept, a third of them representative, the rest promising; one thread suffices.
MOST = 480
_FAIR = 3
_LEAST_PROBABILITY = 1e-9


def decisive(
    campaign: Campaign,
    view: ModelView,
    proposer: BayesianProposer,
    encoding: Encoding,
    generator: torch.Generator,
    most: int = MOST,
) -> ModelView:
    """Return the view without observations that hardly affect what is best; unchanged if there are not too many.

    A model of points at even distances in the order of the trials predicts which other points are most promising. Those
    are not selected for their own luck, because the model has seen only the results of the
    representative part. The baseline is kept, and so is every repetition of a kept point.
    """
    places = _places(view.observed)
    if len(places) <= most:
        return view
    keys, firsts, count = list(places), [trials[0] for trials in places.values()], most // _FAIR
    fair = [i * (len(firsts) - 1) // (count - 1) for i in range(count)]
    part = _only(view, places, {keys[i] for i in fair})
    situation = situated(campaign, part, encoding, proposer)
    rough = {metric: Model.of(observed, proposer, generator) for metric, observed in situation.observed.items()}
    contest = Contest(campaign.objective.metric, rough, Limits.of(campaign, encoding, rough))
    promise = _promise(campaign, contest, encoding.encode([trial.point for trial in firsts]))
    promise[[*fair, *(i for i, trial in enumerate(firsts) if trial.id in view.outside)]] = -torch.inf
    kept = {keys[i] for i in (*fair, *promise.topk(most - count).indices.tolist())}
    if (baseline := campaign.status_quo) is not None:
        kept.add(key_of(baseline))
    return _only(view, places, kept)


def _promise(campaign: Campaign, contest: Contest, X: Tensor) -> Tensor:
    """Return how promising points X [n, d] are [n]: an optimistic value of the objective, less if hardly feasible.

    With several objectives, it is by how much optimistic values exceed the front of the means.
    """
    metrics = [objective.metric for objective in campaign.goal.objectives]
    beliefs = [contest.models[metric].posterior.averaged(X.to(contest.model.device)) for metric in metrics]
    optimistic = [mean + sd for mean, sd in beliefs]
    promise = optimistic[0]
    if campaign.goal.has_front:
        means = [mean for mean, _ in beliefs]
        promise = excess(optimistic, means, on_front(means, contest.counting(X).to(promise.device)))
    # A point that is hardly feasible can be neither the best one nor close to it.
    met = contest.probabilities(X)
    return promise if met is None else promise + met.every.clamp(min=_LEAST_PROBABILITY).log().to(promise)


def _places(trials: Sequence[Trial]) -> dict[PointKey, list[Trial]]:
    """Return the trials by point, in the order in which the points were first tried."""
    places: dict[PointKey, list[Trial]] = {}
    for trial in trials:
        places.setdefault(key_of(trial.point), []).append(trial)
    return places


def _only(view: ModelView, places: dict[PointKey, list[Trial]], keys: set[PointKey]) -> ModelView:
    kept = {trial.id for key in keys & places.keys() for trial in places[key]}
    return replace(view, observed=tuple(trial for trial in view.observed if trial.id in kept))
