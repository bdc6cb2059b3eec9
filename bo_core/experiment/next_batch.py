"""Propose the next batch of an A/B test: arms to explore, or the best arm on fresh traffic."""

from collections import Counter
from collections.abc import Collection, Sequence

import torch

from overnight.bo_core.choice import Asked
from overnight.bo_core.custom_proposer import CustomProposer
from overnight.bo_core.data.encoding import Encoding, PointKey, key_of
from overnight.bo_core.data.inside import view_inside
from overnight.bo_core.data.stopped import expected_finals
from overnight.bo_core.experiment.breaches import breach_of, breached_points
from overnight.bo_core.experiment.candidate import candidate_of
from overnight.bo_core.model_proposals import model_proposals
from overnight.bo_core.proposer import AnyProposer, BayesianProposer
from overnight.bo_core.search.sobol import sobol_points
from overnight.bo_core.unmodelled import asked_for, seeded, with_pending
from overnight.campaign import Campaign, History, Point, Proposal
from overnight.campaign.errors import ModelFailed
from overnight.campaign.experiment.phase import Phase, phase_of, runs_of, stopped_points
from overnight.campaign.experiment.status_quo import STATUS_QUO
from overnight.campaign.standing.confirming import LEAST_OBSERVED


def next_batch(campaign: Campaign, history: History, proposer: AnyProposer) -> list[Proposal]:
    """Return the arms of the next batch with their shares of the traffic, which add up to 1, the status quo first.

    Nothing is proposed while a trial of another batch is open, or if the test is over: if the budget or the candidates
    are spent, or if the status quo is believed to be the best arm. If no arm is worth exploring, the ramp-up begins.
    """
    phase = phase_of(campaign, history, breach_of)
    if phase.waits or phase.kind == "over":
        return []
    if phase.kind == "explore" and (arms := _explored(campaign, history, proposer, phase.arms - 1)):
        return _with_status_quo(campaign, history, arms)
    return _ramped_up(campaign, history, proposer, phase)


def _status_quo(campaign: Campaign) -> Point:
    point = campaign.status_quo
    assert point is not None, "expected a baseline, which every A/B test has"
    return point


def _with_status_quo(campaign: Campaign, history: History, arms: Sequence[Proposal]) -> list[Proposal]:
    """Return the status quo and the arms; those without a share share what is left equally."""
    assert campaign.traffic is not None, "expected traffic, which every A/B test has"
    share, made = campaign.traffic.share_of_status_quo(len(arms)), seeded(campaign, history.next_trial)
    first = Proposal(point=_status_quo(campaign), generator=STATUS_QUO, provenance=made, weight=share)
    rest = 1.0 - share - sum(arm.weight or 0.0 for arm in arms)
    each = rest / max(sum(arm.weight is None for arm in arms), 1)
    return [first, *(arm if arm.weight is not None else arm.model_copy(update={"weight": each}) for arm in arms)]


def _explored(campaign: Campaign, history: History, proposer: AnyProposer, q: int) -> list[Proposal]:
    """Return at most q arms besides the status quo: those of the campaign file, then those of the proposer."""
    encoding, status_quo = Encoding(campaign.space), _status_quo(campaign)
    taken = {key_of(status_quo), *(key_of(trial.point) for trial in history.trials.values())}
    made = seeded(campaign, history.next_trial)
    arms = [each.model_copy(update={"provenance": made}) for each in asked_for(campaign, taken)[:q]]
    chosen, more = [status_quo, *(arm.point for arm in arms)], q - len(arms)
    taken |= {key_of(point) for point in chosen}
    if not more:
        return arms
    if isinstance(proposer, CustomProposer):
        first = Proposal(point=status_quo, generator=STATUS_QUO)
        waiting, threads = with_pending(history, [first, *arms]), torch.get_num_threads()
        return arms + proposer.proposals(campaign, waiting, more, seeded(campaign, history.next_trial, threads))
    if isinstance(proposer, BayesianProposer) and not _begins(campaign, history, proposer, len(taken)):
        try:
            return arms + model_proposals(
                Asked(campaign, history, proposer, encoding, chosen, more, breached=breached_points(history))
            )
        except ModelFailed as problem:
            made = seeded(campaign, history.next_trial, away=str(problem))
    points = _spread(campaign, encoding, taken, more)
    points += _again(campaign, history, {key_of(point) for point in (*chosen, *points)}, more - len(points))
    return arms + [Proposal(point=point, generator="sobol", provenance=made) for point in points]


def _begins(campaign: Campaign, history: History, proposer: BayesianProposer, tried: int) -> bool:
    """Return whether the next arms come from the Sobol sequence, because the model knows too little.

    Arms that were stopped at a look count, because the model knows what they had reported.
    """
    view = view_inside(campaign, history)
    known = len(view.observed) + len(expected_finals(campaign, view, campaign.objective.metric))
    return known < LEAST_OBSERVED or tried < (proposer.initial or 0)


def _spread(campaign: Campaign, encoding: Encoding, taken: Collection[PointKey], q: int) -> list[Point]:
    """Return q new points of the Sobol sequence, or as many as a finite space has left."""
    size = encoding.size()
    if size is not None and size <= len(taken) + q:
        q = min(q, sum(key_of(point) not in taken for point in encoding.every_point()))
    return sobol_points(encoding, campaign.seed, taken, q)


def _again(campaign: Campaign, history: History, chosen: set[PointKey], q: int) -> list[Point]:
    """Return at most q points that gave a result and are not in the batch, those with the fewest results first."""
    view = view_inside(campaign, history)
    stopped = [*stopped_points(view.stopped), *breached_points(history)]
    observed, chosen = view.observed, chosen | {key_of(point) for point in stopped}
    times = Counter(key_of(trial.point) for trial in observed)
    points = {key_of(trial.point): trial.point for trial in observed}
    return [points[key] for key in sorted(points, key=lambda key: times[key]) if key not in chosen][:q]


def _ramped_up(campaign: Campaign, history: History, proposer: AnyProposer, phase: Phase) -> list[Proposal]:
    """Return the status quo and the candidate of a stage; none if no arm deserves a ramp-up."""
    share = phase.share or campaign.stages[0]
    made, point = seeded(campaign, history.next_trial), phase.candidate
    if point is None:
        found = candidate_of(campaign, history, proposer, phase.rolled_back)
        through = [run.candidate for run in runs_of(campaign, history, breach_of) if run.is_through]
        if found is None or found.point in through:
            return []
        point, made = found.point, made.model_copy(update={"stack": found.stack, "predicted": found.predicted})
    quo = Proposal(
        point=_status_quo(campaign),
        generator=STATUS_QUO,
        provenance=seeded(campaign, history.next_trial),
        weight=1.0 - share,
    )
    return [quo, Proposal(point=point, generator="ramp_up", provenance=made, weight=share)]
