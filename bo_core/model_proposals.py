"""Propose with the model: fit it, draw the unknown values jointly, choose one point after the other."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from overnight.bo_core.choice import Asked, Candidate, Choice
from overnight.bo_core.choice.checking import to_check
from overnight.bo_core.model import Beliefs, Model, last_made_by_model
from overnight.bo_core.numerics.failing_numbers import numbers_may_fail
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.stack import stack
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.settings.user_code import CORRECT_IT, Unusable
from overnight.bo_core.weights.second_opinion import SecondOpinion
from overnight.bo_core.weights.weighting import Weighting
from overnight.campaign import Proposal
from overnight.campaign.errors import CannotPropose, ModelFailed, SpaceExhausted
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
from overnight.campaign.values.read_only import ReadOnlyDict


def model_proposals(asked: Asked) -> list[Proposal]:
    """Return q points: those to check, then those of highest acquisition value, each chosen given the ones before it.

    In an A/B test they have shares of the traffic, and there are fewer if no others are worth a place in the batch.

    The history must hold an observation, or in an A/B test a report of a stopped arm. Raises ModelFailed if the model
    cannot be computed numerically, and CannotPropose if the campaign's own model cannot be used.
    """
    try:
        return _proposals(asked)
    except Unusable as problem:
        raise CannotPropose(f"{problem} {CORRECT_IT}") from problem.__cause__


def _proposals(asked: Asked) -> list[Proposal]:
    observed = len(asked.everything.observed)
    with numbers_may_fail(), own_state(), torch.inference_mode(), threads_for(observed) as threads:
        if checks := to_check(asked)[: asked.q]:
            before, q = [*asked.chosen, *(check.point for check in checks)], asked.q - len(checks)
            asked = replace(asked, chosen=before, q=q, recorded=asked.doubted)
        generator = torch.Generator().manual_seed(asked.seed)
        beliefs = _fitted(asked, generator)
        weighting = Weighting.fitted(asked.situation, asked.proposer, asked.share_of_cost)
        opinion = _opinion(asked, beliefs)
        choice = Choice(asked, beliefs, generator, weighting, opinion)
        chosen = _chosen_points(asked, choice)
        if any(math.isnan(candidate.value) for candidate in chosen):
            raise ModelFailed("The model could not be computed: the score of its best point is not a number.")
        made = [_proposal(asked, choice, candidate, threads) for candidate in (*checks, *chosen)]
        if asked.campaign.is_ab_test:
            shares = choice.shares(chosen)
            return [each.model_copy(update={"weight": share}) for each, share in zip(made, shares, strict=True)]
        return made


def _chosen_points(asked: Asked, choice: Choice) -> list[Candidate]:
    """Return q points; fewer in an A/B test if no others are worth a place in the batch.

    With a fidelity there are also fewer if the budget of cost pays for fewer in addition to the confirming trials.
    """
    chosen: list[Candidate] = []
    while len(chosen) < asked.q:
        if (chosen or asked.chosen) and choice.fidelities is not None and not choice.fidelities.pays_for_more:
            break
        try:
            chosen.append(choice.next())
        except SpaceExhausted:
            if not asked.campaign.is_ab_test:
                raise
            break
    return chosen


def _fitted(asked: Asked, generator: torch.Generator) -> Beliefs:
    last, sets = last_made_by_model(asked.history), asked.proposer.sets_of_proposals
    return {
        metric: Model.of(observed, asked.proposer, generator, last, sets=sets)
        for metric, observed in asked.situation.observed.items()
    }


def _opinion(asked: Asked, beliefs: Beliefs) -> SecondOpinion | None:
    """Return a second opinion on one objective; with several, a point hopeless in one may be the best in another."""
    if asked.campaign.goal.has_front:
        return None
    return SecondOpinion.fitted(beliefs[asked.campaign.objective.metric].observed, asked.proposer)


def _proposal(asked: Asked, choice: Choice, chosen: Candidate, threads: int) -> Proposal:
    """Return a point with its provenance."""
    x, model, fidelity = asked.encoding.encode([chosen.point]), choice.model, asked.campaign.fidelity
    missing = 0.0 if fidelity is None else fidelity.missing(chosen.point)
    run = choice.run_of(chosen.point)
    provenance = Provenance(
        made_by=MadeBy(seed=asked.seed, proposer=None),
        stack=Stack(device=model.device.type, threads=threads, libraries=stack()),
        knew=_knew(asked, choice),
        models=_models(choice, asked.doubted),
        predicted=_predicted(choice, x, missing, run),
        chosen=_chosen(choice, chosen),
        weights=Weights(
            probability_feasible=choice.weighting.probability_feasible(x),
            constraints=choice.probabilities_of_constraints(x),
            predicted_cost=choice.weighting.predicted_cost(x),
        ),
    )
    generator = "checking" if chosen.checks else "confirming" if asked.confirming else "model"
    return Proposal(point=chosen.point, generator=generator, provenance=provenance)


def _predicted(choice: Choice, x: Tensor, missing: float, run: int) -> dict[str, Prediction]:
    """Return the beliefs about all metrics at features x [1, d], that of a target's metric last."""
    found = {metric: each.prediction(x, missing=missing, run=run) for metric, each in choice.beliefs.items()}
    return found | {metric: each for metric, each in choice.model.of_target(x).items() if metric not in found}


def _knew(asked: Asked, choice: Choice) -> Knew:
    return Knew(
        observed=len(choice.model.observed.trials),
        pending=tuple(t.id for t in asked.view.pending),
        probability_of_approval=choice.outstanding.approval if len(choice.outstanding.parked) else None,
    )


def _models(choice: Choice, doubted: tuple[int, ...]) -> Models:
    metric, none = choice.objective, ()
    feasibility, cost, opinion = choice.weighting.feasibility, choice.weighting.cost, choice.opinion
    return Models(
        metrics={
            name: _fitted_model(each, doubted if name == metric else none) for name, each in choice.beliefs.items()
        },
        opinions={} if opinion is None else {metric: FittedModel(hyperparameters=opinion.as_record())},
        feasibility=None if feasibility is None else FittedModel(hyperparameters=feasibility.as_record()),
        cost=None if cost is None else FittedModel(hyperparameters=cost.as_record()),
    )


def _fitted_model(model: Model, doubted: tuple[int, ...]) -> FittedModel:
    return FittedModel(
        hyperparameters=model.posterior.as_record(),
        code=model.code,
        jitter=model.posterior.jitter,
        starts={f"{s.name}, {s.observations} observations": f"{s.ending} at {s.value:.6g}" for s in model.starts},
        tail_width=model.tail_width,
        suspects=doubted,
    )


def _chosen(choice: Choice, chosen: Candidate) -> Chosen:
    model = choice.model
    return Chosen(
        acquisition=chosen.acquisition,
        value=chosen.value,
        expected_gain=None if chosen.gain is None else choice.aim.in_units(chosen.gain),
        instead_of=chosen.instead_of,
        jitter=max(model.posterior.jitter, 0.0 if choice.draws is None else choice.draws.jitter),
        floor=None if chosen.floor is None else model.observed.outcomes.mean_in_units(chosen.floor),
        worst=ReadOnlyDict(choice.aim.worst),
    )
