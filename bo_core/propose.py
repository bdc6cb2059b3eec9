"""Propose the next points: the entrance of the core, a pure function of the history."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import torch

from overnight.bo_core.choice import Asked
from overnight.bo_core.choice.confirming import to_confirm
from overnight.bo_core.custom_proposer import CustomProposer
from overnight.bo_core.data.encoding import Encoding, PointKey, key_of
from overnight.bo_core.data.inside import view_inside
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.model_proposals import model_proposals
from overnight.bo_core.numerics.stack import stack
from overnight.bo_core.proposer import AnyProposer, BayesianProposer, SobolProposer
from overnight.bo_core.search.sobol import sobol_points
from overnight.campaign import Campaign, History, Proposal, Trial
from overnight.campaign.errors import ModelFailed
from overnight.campaign.history.provenance import Asked as Caller
from overnight.campaign.history.provenance import MadeBy, Provenance, Stack
from overnight.campaign.standing.confirming import LEAST_OBSERVED, confirming

# The time of trials that have not been proposed yet.
_NO_TIME = datetime.fromtimestamp(0, UTC)


def propose(campaign: Campaign, history: History, proposer: AnyProposer, q: int) -> list[Proposal]:
    """Return the next `q` points to try, given every observed and every pending trial.

    A pure function: the same campaign, history and proposer give the same points, bit for bit on the same CPU stack.
    First come the baseline and `start_with`, then a Sobol start, then the model's points, each chosen given those
    before it in the batch. A custom proposer takes over after the baseline and `start_with`. If the model cannot be
    computed numerically, points of the Sobol sequence replace its own, and their provenance records that. Returns fewer
    than q points if a finite space has fewer left, and raises CannotPropose if it has none left. With `confirm`, the
    model also returns fewer if the rest of the budget is reserved for confirming trials; of these it returns one, or
    none while another trial is outstanding.
    """
    encoding, phase = Encoding(campaign.parameters), confirming(campaign, history)
    first, taken = history.next_trial, {key_of(t.point) for t in history.trials.values()}
    q = _at_most(encoding, taken, min(q, phase.may_propose) if isinstance(proposer, BayesianProposer) else q)
    proposals = _asked_for(campaign, taken)[:q]
    so_far = len(history.trials) + len(proposals)
    taken |= {key_of(p.point) for p in proposals}
    spread = _spread_count(campaign, history, proposer, so_far, q - len(proposals), confirms=phase.begun)
    points = sobol_points(encoding, campaign.seed, taken, spread)
    proposals += [Proposal(point=p, generator="sobol", provenance=_seeded(campaign, first)) for p in points]
    more = q - len(proposals)
    if more and isinstance(proposer, BayesianProposer):
        chosen = [p.point for p in proposals]
        asked = Asked(campaign, history, proposer, encoding, chosen, more)
        try:
            proposals += model_proposals(to_confirm(asked) if phase.begun else asked)
        except ModelFailed as problem:
            taken |= {key_of(p) for p in chosen}
            made = _seeded(campaign, first, away=str(problem))
            points = sobol_points(encoding, campaign.seed, taken, more)
            proposals += [Proposal(point=p, generator="sobol", provenance=made) for p in points]
    if more and isinstance(proposer, CustomProposer):
        waiting = _with_pending(history, proposals)
        made_with = _seeded(campaign, first, threads=torch.get_num_threads())
        proposals += proposer.proposals(campaign, waiting, more, made_with)
    return proposals


def _asked_for(campaign: Campaign, taken: Collection[PointKey]) -> list[Proposal]:
    """Return the baseline and the `start_with` points that have not been proposed yet, in their order."""
    wanted = [Proposal(point=campaign.parameters.point(p), generator="manual") for p in campaign.start_with]
    if campaign.baseline is not None:
        wanted.insert(0, Proposal(point=campaign.parameters.point(campaign.baseline), generator="baseline"))
    known, new = set(taken), []
    for proposal in wanted:
        if key_of(proposal.point) not in known:
            known.add(key_of(proposal.point))
            new.append(proposal)
    return new


def _at_most(encoding: Encoding, taken: Collection[PointKey], q: int) -> int:
    """Return q, or the new points left in a finite space if fewer; at least 1, so that the search raises an error."""
    size = encoding.size()
    return q if size is None else min(q, max(size - len(taken), 1))


def _spread_count(
    campaign: Campaign, history: History, proposer: AnyProposer, so_far: int, q: int, *, confirms: bool
) -> int:
    """Return how many of the next q points come from the Sobol sequence."""
    if isinstance(proposer, CustomProposer):
        return 0
    if isinstance(proposer, SobolProposer) or len(view_inside(campaign, history).observed) < LEAST_OBSERVED:
        return q
    if confirms:
        return 0
    parameters = len(campaign.parameters.tuned())
    return min(max(proposer.initial_points(parameters, campaign.budget.trials) - so_far, 0), q)


def _with_pending(history: History, proposals: Sequence[Proposal]) -> History:
    """Return the history as if these proposals were pending trials already."""
    time, numbered = history.last_time or _NO_TIME, enumerate(proposals, start=history.next_trial)
    news = {i: Trial(id=i, proposal=proposal, proposed=time) for i, proposal in numbered}
    return replace(history, trials=history.trials.changed(news))


def _seeded(campaign: Campaign, trial: int, threads: int | None = None, away: str | None = None) -> Provenance:
    """Return the provenance of any proposal: the seed, the stack, and why a Sobol point stands in, if it does.

    A Sobol point needs no threads.
    """
    return Provenance(
        made_by=MadeBy(seed=seed_of(campaign, trial)),
        stack=Stack(threads=threads, libraries=stack()),
        asked=Caller(stand_in=None if away is None else "sobol", away=away),
    )
