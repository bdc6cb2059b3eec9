"""What a campaign looks for: its objectives and constraints, which results are better, and the front of the best."""

from overnight.campaign.goal.goal import Goal, Measured, pooled
from overnight.campaign.goal.objective import Objective

__all__ = ["Goal", "Measured", "Objective", "pooled"]
