"""Beliefs about the distance of a metric from a target; a room of the surrogate, which knows no acquisition."""

from overnight.bo_core.surrogate.distance.belief import DistanceBelief
from overnight.bo_core.surrogate.distance.folded_normal import folded_normal, quantile

__all__ = ["DistanceBelief", "folded_normal", "quantile"]
