"""The recommendation of a campaign: the recorded one if it still holds, else one that is computed now."""

from datetime import datetime
from pathlib import Path

from overnight.bo_core import AnyProposer, BayesianProposer
from overnight.bo_core.insight.worth import may_have_insight
from overnight.bo_core.proposer import recorded_proposer
from overnight.campaign import History
from overnight.campaign.history.events import RecommendationMade
from overnight.campaign.insight import Insight
from overnight.campaign.recommendation import Computed, Recommendation
from overnight.flows.host.quick_import import quick_import


def proposer_of(history: History, folder: Path) -> AnyProposer:
    """Return the recorded proposer; a module of a third party is looked for in the folder."""
    latest = history.revised or history.defined
    recorded = None if latest is None else latest.settings.get("proposer")
    return BayesianProposer() if recorded is None else recorded_proposer(recorded).in_folder(folder)


def recommendation_of(history: History, proposer: AnyProposer) -> Recommendation | None:
    """Return the recorded recommendation if it still holds, else one with the settings of this proposer.

    None before the first observation. The model is imported only if it is needed.
    """
    if history.recommendation is not None:
        return history.recommendation.recommendation
    if not history.trials.observed:
        return None
    return quick_import("overnight.bo_core.recommend").recommend(history.definition, history, proposer)


def insight_into(history: History, found: Recommendation | None, proposer: AnyProposer) -> Insight | None:
    """Return the insight of the model from which this recommendation is made; None without a model.

    The model is imported only if there may be an insight.
    """
    if not may_have_insight(history.definition, history, found):
        return None
    insight_of = quick_import("overnight.bo_core.insight.insight").insight_of
    return insight_of(history.definition, history, found, proposer)


def recommendation_event(found: Computed, events_seen: int, now: datetime, actor: str) -> RecommendationMade:
    """Return the event that records a recommendation made after so many events."""
    return RecommendationMade(
        time=now,
        actor=actor,
        events_seen=events_seen,
        recommendation=found.recommendation,
        stack=found.stack,
    )
