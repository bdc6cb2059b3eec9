"""The insight of a model for people; `bo_core` computes it, and `report` judges and shows it."""

from overnight.campaign.insight.contour import Contour
from overnight.campaign.insight.importance import Importance, Index
from overnight.campaign.insight.insight import Insight, InsightOfContext, InsightOfMetric
from overnight.campaign.insight.left_out import LeftOut, LeftOutResult
from overnight.campaign.insight.slices import Slice

__all__ = [
    "Contour",
    "Importance",
    "Index",
    "Insight",
    "InsightOfContext",
    "InsightOfMetric",
    "LeftOut",
    "LeftOutResult",
    "Slice",
]
