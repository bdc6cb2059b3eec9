"""The words that every other folder speaks: what is asked, what is tried, what happened."""

from overnight.campaign.definition import Budget, Campaign, FailurePolicy
from overnight.campaign.evaluation import (
    EvaluationFailed,
    EvaluationOutcome,
    EvaluationRequest,
    EvaluationSucceeded,
    Measurement,
)
from overnight.campaign.goal import Goal, Objective
from overnight.campaign.history.history import History, ModelView
from overnight.campaign.history.trial import Proposal, Trial
from overnight.campaign.space import Point, Space

__all__ = [
    "Budget",
    "Campaign",
    "EvaluationFailed",
    "EvaluationOutcome",
    "EvaluationRequest",
    "EvaluationSucceeded",
    "FailurePolicy",
    "Goal",
    "History",
    "Measurement",
    "ModelView",
    "Objective",
    "Point",
    "Proposal",
    "Space",
    "Trial",
]
