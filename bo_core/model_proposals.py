"""The model's proposals: fit, draw jointly what is not known yet, and choose one point after the other."""

import math

import torch

from overnight.bo_core.choice import Asked, Candidate, Choice
from overnight.bo_core.model import Beliefs, Model, last_made_by_model
from overnight.bo_core.numerics.failing_numbers import numbers_may_fail
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.stack import stack
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.user_code import CORRECT_IT, Unusable
from overnight.bo_core.weights.second_opinion import SecondOpinion
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Proposal
from overnight.campaign.errors import CannotPropose, ModelFailed
from overnight.campaign.history.trial import Provenance


def model_proposals(asked: Asked) -> list[Proposal]:
    """Return q points of highest acquisition value, each chosen in the light of the ones before.

    The history must hold an observation. Raises ModelFailed if the numbers cannot be computed, and CannotPropose if the
    campaign's own model cannot be used.
    """
    try:
        return _proposals(asked)
    except Unusable as problem:
        raise CannotPropose(f"{problem} {CORRECT_IT}") from problem.__cause__


def _proposals(asked: Asked) -> list[Proposal]:
    observed = len(asked.view.observed)
    with numbers_may_fail(), own_state(), torch.inference_mode(), threads_for(observed) as threads:
        generator = torch.Generator().manual_seed(asked.seed)
        beliefs = _fitted(asked, generator)
        weighting = Weighting.fitted(asked.situation, asked.proposer, asked.share_of_cost)
        opinion = SecondOpinion.fitted(beliefs[asked.campaign.objective.metric].observed, asked.proposer)
        choice = Choice(asked, beliefs, generator, weighting, opinion)
        chosen = [choice.next() for _ in range(asked.q)]
        if any(math.isnan(candidate.value) for candidate in chosen):
            raise ModelFailed("The model could not be computed: the score of its best point is not a number.")
        return [_proposal(asked, choice, candidate, threads) for candidate in chosen]


def _fitted(asked: Asked, generator: torch.Generator) -> Beliefs:
    last, averaged = last_made_by_model(asked.history), asked.proposer.hyperparameters == "average"
    return {
        metric: Model.of(observed, asked.proposer, generator, last, averaged=averaged)
        for metric, observed in asked.situation.observed.items()
    }


def _proposal(asked: Asked, choice: Choice, chosen: Candidate, threads: int) -> Proposal:
    """Return a point with how it was chosen."""
    model = choice.model
    x, weighting = asked.encoding.encode([chosen.point]), choice.weighting
    (mean, sd), (low, high) = model.predicted(x), model.interval(x)
    provenance = Provenance(
        seed=asked.seed,
        observed=len(model.observed.trials),
        pending=tuple(t.id for t in asked.view.pending),
        hyperparameters=model.posterior.as_record(),
        code=model.code,
        starts={f"{s.name}, {s.observations} observations": f"{s.ending} at {s.value:.6g}" for s in model.starts},
        acquisition=chosen.acquisition,
        acquisition_value=chosen.value,
        instead_of=chosen.instead_of,
        expected_gain=None if chosen.gain is None else model.observed.outcomes.sd_in_units(chosen.gain),
        predicted_mean=mean,
        predicted_sd=sd,
        predicted_low=low,
        predicted_high=high,
        tail_width=model.tail_width,
        probability_feasible=weighting.probability_feasible(x),
        probability_of_approval=choice.outstanding.approval if len(choice.outstanding.parked) else None,
        feasibility_hyperparameters=None if weighting.feasibility is None else weighting.feasibility.as_record(),
        predicted_cost=weighting.predicted_cost(x),
        cost_hyperparameters=None if weighting.cost is None else weighting.cost.as_record(),
        opinion_hyperparameters=None if choice.opinion is None else choice.opinion.as_record(),
        jitter=max(model.posterior.jitter, 0.0 if choice.draws is None else choice.draws.jitter),
        fit_jitter=model.posterior.jitter,
        device=model.device.type,
        threads=threads,
        libraries=stack(),
    )
    return Proposal(point=chosen.point, generator="model", provenance=provenance)
