"""Recommend the point that is believed to be best, or a front if there are several objectives."""

import torch

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.model import last_made_by_model, on_this_machine
from overnight.bo_core.numerics.failing_numbers import numbers_may_fail
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.stack import stack
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.proposer import WITHOUT_MODEL, AnyProposer, BayesianProposer
from overnight.bo_core.recommendation.best import believed_best
from overnight.bo_core.recommendation.counted import Counted, generator_for
from overnight.bo_core.recommendation.decisive import MOST
from overnight.bo_core.recommendation.front import believed_front
from overnight.bo_core.recommendation.measured import measured_best, measured_front, most_thorough
from overnight.bo_core.recommendation.solutions import believed_solutions, measured_solutions
from overnight.bo_core.settings.user_code import Unusable
from overnight.bo_core.situated import viewed
from overnight.campaign import Campaign, History, ModelView
from overnight.campaign.errors import ModelFailed
from overnight.campaign.history.provenance import Provenance, Stack
from overnight.campaign.recommendation import Computed, OfContext, Recommendation
from overnight.campaign.standing.confirmed import has_confirmed
from overnight.campaign.standing.in_context import seen_from


def recommend(
    campaign: Campaign, history: History, proposer: AnyProposer | None = None, *, anywhere: bool = True
) -> Recommendation | None:
    """Return the point that is believed to be best, or None before the first observation.

    That is the observed point with the best posterior mean, unless the point with the best mean `anywhere` is better
    also by the lower confidence bound, two standard deviations below the mean (docs/decisions/0033-confirming.md).
    With constraints, both are among the points that are feasible with at least the demanded probability; if no point is
    known to be, the observed point with the highest probability is recommended.
    There the mean is weighted by the probability that the point gives a result, as in proposals, and points that
    failed, were stopped or were rejected do not count. Once a confirming trial has given a result, only observed points
    are recommended, and so it is in an A/B test.

    With several objectives, the recommended point is one of the front of observed points, whatever `anywhere` is
    (docs/decisions/0041-fronts.md).

    Beliefs are averaged over hyperparameters as the proposer's settings demand, by default under 100 observations, and
    widened so that they do not promise too much. A proposer without a model uses the default settings, and believes all
    results. Probabilities are shares of joint samples at all observed points and the recommended one, each counted
    once; they are deterministic. Of more than 480 distinct points, only those count that matter for which one is best
    or on the front. If the campaign asks for several different `solutions`, they are chosen after that. All but the
    first may then be anywhere, also once a trial has confirmed.

    If no model can be computed, measurements take the place of beliefs.

    In a campaign with contexts, each is recommended a point of its own, from what the trials of all contexts teach; the
    recommendation is that of the first, and its `contexts` are those of all.
    """
    found = computed(campaign, history, proposer, anywhere=anywhere)
    return None if found is None else found.recommendation


def _may_be_new(campaign: Campaign, history: History) -> bool:
    """Return whether a point may be recommended that was not measured; never in an A/B test, which compares arms."""
    return not campaign.is_ab_test and not has_confirmed(history)


@own_state()
def computed(
    campaign: Campaign, history: History, proposer: AnyProposer | None = None, *, anywhere: bool = True
) -> Computed | None:
    """Return what `recommend` returns, with the stack that computed it."""
    if campaign.contexts:
        return _of_contexts(campaign, history, proposer, anywhere=anywhere)
    proposer = on_this_machine(proposer if isinstance(proposer, BayesianProposer) else WITHOUT_MODEL)
    view, asked = viewed(campaign, history, Encoding(campaign.space), proposer), campaign.solutions
    if not view.inside:
        return None
    try:
        with numbers_may_fail(), torch.inference_mode():
            last, best = last_made_by_model(history), anywhere and _may_be_new(campaign, history)
            return _believed(campaign, view, proposer, last, best=best, others=anywhere)
    except (ModelFailed, Unusable) as problem:
        measured = measured_front if campaign.goal.has_front else measured_best
        found = measured(campaign, history.goal, most_thorough(campaign, view.inside), str(problem))
        if asked is not None:
            several = measured_solutions(campaign, history.goal, view.inside, asked, found)
            found = found.model_copy(update={"solutions": several})
        return Computed(recommendation=found, stack=Stack(libraries=stack()))


def _of_contexts(
    campaign: Campaign, history: History, proposer: AnyProposer | None, *, anywhere: bool
) -> Computed | None:
    """Return the recommendations of all contexts that have a result; None if none has."""
    every = (
        (given, computed(campaign.within(given), seen_from(history, given), proposer, anywhere=anywhere))
        for given in campaign.contexts
    )
    found = [(given, each) for given, each in every if each is not None]
    if not found:
        return None
    contexts = tuple(OfContext(given=given, recommendation=each.recommendation) for given, each in found)
    first = found[0][1]
    return Computed(recommendation=first.recommendation.model_copy(update={"contexts": contexts}), stack=first.stack)


def _believed(
    campaign: Campaign,
    everything: ModelView,
    proposer: BayesianProposer,
    last: Provenance | None,
    *,
    best: bool,
    others: bool,
) -> Computed:
    """Return the recommendation of a model; the `best` point and `others` of several solutions may be anywhere."""
    generator = generator_for(campaign)
    with threads_for(MOST):
        counted = Counted.of(campaign, everything, proposer, last, generator)
    with threads_for(len(counted.situation.view.observed)) as threads:
        contest = counted.contest(generator)
        if campaign.goal.has_front:
            found = believed_front(counted, contest, generator)
        else:
            found = believed_best(counted, contest, generator, anywhere=best)
        if campaign.solutions is not None:
            # Last, and without the generator, so that nothing else depends on it.
            several = believed_solutions(counted, contest, campaign.solutions, found, anywhere=others)
            found = found.model_copy(update={"solutions": several})
    made_on = Stack(device=contest.model.device.type, threads=threads, libraries=stack())
    return Computed(recommendation=found, stack=made_on)
