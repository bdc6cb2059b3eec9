"""Propose the next points: the entrance of the core, a pure function of the history."""

import math
from collections.abc import Mapping
from functools import partial

import torch

from overnight.bo_core.choice import Asked
from overnight.bo_core.choice.confirming import to_confirm
from overnight.bo_core.choice.in_turn import propose_in_turn
from overnight.bo_core.choice.sequence import new_at_all, sequence_points
from overnight.bo_core.custom_proposer import CustomProposer
from overnight.bo_core.data.encoding import Encoding, key_of
from overnight.bo_core.data.inside import observed_inside
from overnight.bo_core.data.taken import Taken
from overnight.bo_core.experiment.next_batch import next_batch
from overnight.bo_core.model_proposals import model_proposals
from overnight.bo_core.proposer import AnyProposer, BayesianProposer, SobolProposer
from overnight.bo_core.unmodelled import asked_for, seeded, with_pending
from overnight.campaign import Campaign, History, Proposal
from overnight.campaign.contexts.context import in_it
from overnight.campaign.errors import ModelFailed
from overnight.campaign.parameters import Value
from overnight.campaign.standing.confirming import LEAST_OBSERVED, Confirming, confirming


def propose(
    campaign: Campaign,
    history: History,
    proposer: AnyProposer,
    q: int,
    context: Mapping[str, Value] | None = None,
) -> list[Proposal]:
    """Return the next `q` points to try, given every observed and every pending trial.

    A pure function: the same campaign, history and proposer give the same points, bit for bit on the same CPU stack.
    First come the baseline and `start_with`, then a Sobol start, then the model's points, each chosen given those
    before it in the batch. A custom proposer takes over after the baseline and `start_with`. If the model cannot be
    computed numerically, points of the Sobol sequence replace its own, and their provenance records that. Returns fewer
    than q points if a finite space has fewer left, and raises CannotPropose if it has none left. With `confirm`, the
    model also returns fewer if the rest of the budget is reserved for confirming trials; of these it returns one, or
    none while another trial is outstanding. With a fidelity, fewer than q are also returned if the budget of cost pays
    for fewer in addition to the confirming trials.

    In a campaign with contexts, each of the q points in turn is for the context that has had the fewest trials, or for
    one with the values of `context` (`campaign/standing/turns.py`). It is chosen given those before it in the batch
    that are for the same context, and learns from the results of all. `start_with` and the baseline are tried in each.

    In an A/B test a batch is proposed as a whole, for every `q`, with the status quo first. Nothing is proposed while a
    trial of another batch is open, or once the test is over (`campaign/experiment/phase.py`).
    """
    if campaign.is_ab_test:
        return next_batch(campaign, history, proposer)
    phase = confirming(campaign, history)
    if not campaign.contexts:
        return _proposed(campaign, history, q, proposer, phase)
    shares = len(campaign.open_contexts)
    q = min(q, phase.may_propose) if isinstance(proposer, BayesianProposer) else q
    within = partial(_proposed, proposer=proposer, phase=phase, shares=shares)
    return propose_in_turn(campaign, history, q, within, context, confirms=phase.begun)


def _proposed(
    campaign: Campaign, history: History, q: int, proposer: AnyProposer, phase: Confirming, shares: int = 1
) -> list[Proposal]:
    """Return the next points of a campaign without contexts, or within one, which has one of so many shares."""
    encoding = Encoding(campaign.space)
    first, taken = history.next_trial, Taken(history.trials)
    q = at_most(campaign, history, proposer, q, phase)
    proposals = asked_for(campaign, taken)[:q]
    so_far, chosen = _count_here(campaign, history) + len(proposals), [p.point for p in proposals]
    left = q - len(proposals)
    spread = _spread_count(campaign, history, proposer, so_far, left, confirms=phase.begun, shares=shares)
    if campaign.fidelity is not None and observed_inside(campaign, history, LEAST_OBSERVED):
        # Each point of a sequence is new at all fidelities, of which a small space has few.
        spread = min(spread, new_at_all(campaign, history, encoding, chosen))
    more = q - len(proposals) - spread
    points = sequence_points(campaign, history, encoding, taken, chosen, spread, phase.left)
    proposals += [Proposal(point=p, generator="sobol", provenance=seeded(campaign, first)) for p in points]
    if more and isinstance(proposer, BayesianProposer):
        chosen = [p.point for p in proposals]
        asked = Asked(campaign, history, proposer, encoding, chosen, more)
        try:
            proposals += model_proposals(to_confirm(asked) if phase.begun else asked)
        except ModelFailed as problem:
            made = seeded(campaign, first, away=str(problem))
            points = sequence_points(campaign, history, encoding, taken, chosen, more, phase.left)
            proposals += [Proposal(point=p, generator="sobol", provenance=made) for p in points]
    if more and isinstance(proposer, CustomProposer):
        waiting = with_pending(history, proposals)
        made_with = seeded(campaign, first, threads=torch.get_num_threads())
        proposals += proposer.proposals(campaign, waiting, more, made_with)
    return proposals


def _count_here(campaign: Campaign, history: History) -> int:
    """Return the number of trials, within a context of those for it."""
    if not campaign.given:
        return len(history.trials)
    return sum(in_it(trial.point, campaign.given) for trial in history.trials.values())


def at_most(campaign: Campaign, history: History, proposer: AnyProposer, q: int, phase: Confirming) -> int:
    """Return how many of q points may be proposed: confirming trials and a finite space may leave fewer."""
    q = min(q, phase.may_propose) if isinstance(proposer, BayesianProposer) else q
    return _at_most_new(campaign, history, q)


def _at_most_new(campaign: Campaign, history: History, q: int) -> int:
    """Return q, or the new points left in a finite space if fewer; at least 1, so that the search raises an error.

    A trial below full fidelity leaves its point.
    """
    space = campaign.space
    size = Encoding(space).size()
    if size is None:
        return q
    # A trial with another value of a fixed parameter takes no point of those that are left.
    fidelity, trials = campaign.fidelity, history.trials.values()
    if fidelity is not None:
        trials = [trial for trial in trials if fidelity.is_full(trial.point)]
    if space.fixed or fidelity is not None:
        here = {key_of(trial.point) for trial in trials if space.agrees(trial.point)}
    else:
        here = Taken(history.trials)
    return min(q, max(size - len(here), 1))


def _spread_count(
    campaign: Campaign, history: History, proposer: AnyProposer, so_far: int, q: int, *, confirms: bool, shares: int
) -> int:
    """Return how many of the next q points come from the Sobol sequence."""
    if isinstance(proposer, CustomProposer):
        return 0
    if isinstance(proposer, SobolProposer) or not observed_inside(campaign, history, LEAST_OBSERVED):
        return q
    if confirms:
        return 0
    parameters = len(campaign.parameters.tuned())
    initial = math.ceil(proposer.initial_points(parameters, campaign.budget.trials) / shares)
    return min(max(initial - so_far, 0), q)
