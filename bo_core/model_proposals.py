"""The model's proposals: fit, draw jointly what is not known yet, and choose one point after the other."""

import math

import torch

from overnight.bo_core.choice import Asked, Candidate, Choice
from overnight.bo_core.model import Model, last_made_by_model
from overnight.bo_core.numerics.failing_numbers import numbers_may_fail
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.stack import stack
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.weights.second_opinion import SecondOpinion
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Proposal
from overnight.campaign.errors import ModelFailed
from overnight.campaign.history.provenance import (
    Chosen,
    FittedModel,
    Knew,
    MadeBy,
    Models,
    Prediction,
    Provenance,
    Stack,
    Weights,
)


def model_proposals(asked: Asked) -> list[Proposal]:
    """Return q points of highest acquisition value, each chosen in the light of the ones before.

    The history must hold an observation. Raises ModelFailed if the numbers cannot be computed.
    """
    observed = len(asked.view.observed)
    with numbers_may_fail(), own_state(), torch.inference_mode(), threads_for(observed) as threads:
        generator = torch.Generator().manual_seed(asked.seed)
        model = _fitted(asked, generator)
        weighting = Weighting.fitted(asked.view, asked.proposer, asked.encoding, asked.share_of_cost)
        choice = Choice(asked, model, generator, weighting, SecondOpinion.fitted(model.observed, asked.proposer))
        chosen = [choice.next() for _ in range(asked.q)]
        if any(math.isnan(candidate.value) for candidate in chosen):
            raise ModelFailed("The model could not be computed: the score of its best point is not a number.")
        return [_proposal(asked, model, choice, candidate, threads) for candidate in chosen]


def _fitted(asked: Asked, generator: torch.Generator) -> Model:
    return Model.of(
        asked.campaign,
        asked.view,
        asked.proposer,
        asked.encoding,
        generator,
        last_made_by_model(asked.history),
        averaged=asked.proposer.hyperparameters == "average",
    )


def _proposal(asked: Asked, model: Model, choice: Choice, chosen: Candidate, threads: int) -> Proposal:
    """Return a point with how it was chosen."""
    x, metric = asked.encoding.encode([chosen.point]), asked.campaign.objective.metric
    (mean, sd), (low, high) = model.predicted(x), model.interval(x)
    provenance = Provenance(
        made_by=MadeBy(seed=asked.seed, proposer=None),
        stack=Stack(device=model.device.type, threads=threads, libraries=stack()),
        knew=_knew(asked, model, choice),
        models=_models(metric, model, choice),
        predicted={metric: Prediction(mean=mean, sd=sd, low=low, high=high)},
        chosen=_chosen(model, choice, chosen),
        weights=Weights(
            probability_feasible=choice.weighting.probability_feasible(x),
            predicted_cost=choice.weighting.predicted_cost(x),
        ),
    )
    return Proposal(point=chosen.point, generator="model", provenance=provenance)


def _knew(asked: Asked, model: Model, choice: Choice) -> Knew:
    return Knew(
        observed=len(model.observed.trials),
        pending=tuple(t.id for t in asked.view.pending),
        probability_of_approval=choice.outstanding.approval if len(choice.outstanding.parked) else None,
    )


def _models(metric: str, model: Model, choice: Choice) -> Models:
    hyperparameters = model.posterior.hyperparameters
    of_metric = FittedModel(
        hyperparameters=hyperparameters.as_record(),
        jitter=hyperparameters.jitter,
        starts={f"{s.name}, {s.observations} observations": f"{s.ending} at {s.value:.6g}" for s in model.starts},
        tail_width=model.tail_width,
    )
    feasibility, cost, opinion = choice.weighting.feasibility, choice.weighting.cost, choice.opinion
    return Models(
        metrics={metric: of_metric},
        opinions={} if opinion is None else {metric: FittedModel(hyperparameters=opinion.as_record())},
        feasibility=None if feasibility is None else FittedModel(hyperparameters=feasibility.as_record()),
        cost=None if cost is None else FittedModel(hyperparameters=cost.as_record()),
    )


def _chosen(model: Model, choice: Choice, chosen: Candidate) -> Chosen:
    jitter = model.posterior.hyperparameters.jitter
    return Chosen(
        acquisition=chosen.acquisition,
        value=chosen.value,
        expected_gain=None if chosen.gain is None else model.observed.outcomes.sd_in_units(chosen.gain),
        instead_of=chosen.instead_of,
        jitter=max(jitter, 0.0 if choice.draws is None else choice.draws.jitter),
    )
