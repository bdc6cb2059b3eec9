"""The shared vocabulary: campaign definitions, requests to evaluators, outcomes and histories.

Each name is imported when it is first used, so the errors can be imported without loading the models.
"""

from typing import TYPE_CHECKING

from overnight.campaign.values.lazily import lazily

if TYPE_CHECKING:
    from overnight.campaign.budget import Budget
    from overnight.campaign.definition import Campaign
    from overnight.campaign.evaluation import (
        EvaluationFailed,
        EvaluationOutcome,
        EvaluationRequest,
        EvaluationSucceeded,
        Measurement,
    )
    from overnight.campaign.failure_policy import FailurePolicy
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
__getattr__, __dir__ = lazily(
    __name__,
    {
        "overnight.campaign.budget": ("Budget",),
        "overnight.campaign.definition": ("Campaign",),
        "overnight.campaign.failure_policy": ("FailurePolicy",),
        "overnight.campaign.evaluation": (
            "EvaluationFailed",
            "EvaluationOutcome",
            "EvaluationRequest",
            "EvaluationSucceeded",
            "Measurement",
        ),
        "overnight.campaign.goal": ("Goal", "Objective"),
        "overnight.campaign.history.history": ("History", "ModelView"),
        "overnight.campaign.history.trial": ("Proposal", "Trial"),
        "overnight.campaign.space": ("Point", "Space"),
    },
)
