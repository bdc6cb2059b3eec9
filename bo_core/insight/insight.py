"""The insight of a campaign: the lessons of the model about each objective."""

import torch

from overnight.bo_core.data.encoding import Encoding
from overnight.bo_core.data.state import seed_of
from overnight.bo_core.insight.contour import contours_through
from overnight.bo_core.insight.importance import importance_of
from overnight.bo_core.insight.left_out import left_out
from overnight.bo_core.insight.slices import slices_through
from overnight.bo_core.insight.worth import FEWEST, may_have_insight
from overnight.bo_core.model import Model, last_made_by_model, on_this_machine
from overnight.bo_core.numerics.failing_numbers import numbers_may_fail
from overnight.bo_core.numerics.own_state import own_state
from overnight.bo_core.numerics.threads import threads_for
from overnight.bo_core.proposer import WITHOUT_MODEL, AnyProposer, BayesianProposer
from overnight.bo_core.recommendation.counted import Counted, generator_for
from overnight.bo_core.recommendation.decisive import MOST
from overnight.bo_core.settings.user_code import Unusable
from overnight.bo_core.situated import viewed
from overnight.campaign import Campaign, History
from overnight.campaign.errors import ModelFailed
from overnight.campaign.insight import Insight, InsightOfContext, InsightOfMetric
from overnight.campaign.recommendation import Recommendation
from overnight.campaign.standing.in_context import seen_from

# With more results, the fit of a model takes too long for a page.
_MOST_RESULTS = 2000


@own_state()
def insight_of(
    campaign: Campaign, history: History, found: Recommendation | None, proposer: AnyProposer | None = None
) -> Insight | None:
    """Return the insight of the models from which `found` was recommended; deterministic.

    The models are fitted as for the recommendation, so their beliefs are the same: those of a proposer without a model
    have the default settings. None without a recommendation or a model, with few or very many results, and for an A/B
    test, whose batches drift.
    """
    if found is None or not may_have_insight(campaign, history, found):
        return None
    if campaign.contexts:
        return _of_contexts(campaign, history, found, proposer)
    proposer = on_this_machine(proposer if isinstance(proposer, BayesianProposer) else WITHOUT_MODEL)
    view = viewed(campaign, history, Encoding(campaign.space), proposer)
    if not FEWEST <= len(view.inside) <= _MOST_RESULTS or campaign.space.problems(found.point):
        return None
    try:
        with numbers_may_fail(), torch.inference_mode():
            generator = generator_for(campaign)
            with threads_for(MOST):
                counted = Counted.of(campaign, view, proposer, last_made_by_model(history), generator)
            with threads_for(len(counted.situation.view.observed)):
                models = counted.contest(generator).models
                metrics = [objective.metric for objective in campaign.goal.objectives]
                seed = seed_of(campaign, 0)
                every = tuple(_of_metric(name, models[name], found, counted.encoding, seed) for name in metrics)
    except (ModelFailed, Unusable):
        return None
    return Insight(point=found.point, metrics=every)


def _of_contexts(
    campaign: Campaign, history: History, found: Recommendation, proposer: AnyProposer | None
) -> Insight | None:
    """Return the insights of all contexts that have a recommendation; None if none has one."""
    every = (
        (given, insight_of(campaign.within(given), seen_from(history, given), found.in_context(given), proposer))
        for given in campaign.contexts
    )
    contexts = tuple(InsightOfContext(given=given, insight=each) for given, each in every if each is not None)
    return Insight(point=found.point, metrics=(), contexts=contexts) if contexts else None


def _of_metric(metric: str, model: Model, found: Recommendation, encoding: Encoding, seed: int) -> InsightOfMetric:
    importance = importance_of(model, encoding, seed) if encoding.k > 1 else ()
    slices, order = slices_through(found.point, model, encoding), [each.parameter for each in importance]
    if importance:
        slices = tuple(sorted(slices, key=lambda each: order.index(each.parameter)))
    contour, pairs = contours_through(found.point, [each.parameter for each in slices], model, encoding)
    return InsightOfMetric(
        metric=metric,
        importance=importance,
        slices=slices,
        contour=contour,
        pairs=pairs,
        left_out=left_out(metric, model, encoding.space.given),
    )
