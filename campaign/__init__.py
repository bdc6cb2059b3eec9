"""The words that every other folder speaks: what is asked, what is tried, what happened."""

from campaign.definition import Budget, Campaign, FailurePolicy
from campaign.evaluation import (
    EvaluationFailed,
    EvaluationOutcome,
    EvaluationRequest,
    EvaluationSucceeded,
    Measurement,
)
from campaign.history import History, ModelView
from campaign.objective import Objective
from campaign.space import Point, Space
from campaign.trial import Proposal, Trial

__all__ = [
    "Budget",
    "Campaign",
    "EvaluationFailed",
    "EvaluationOutcome",
    "EvaluationRequest",
    "EvaluationSucceeded",
    "FailurePolicy",
    "History",
    "Measurement",
    "ModelView",
    "Objective",
    "Point",
    "Proposal",
    "Space",
    "Trial",
]
