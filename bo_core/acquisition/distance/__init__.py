"""Utilities of the distance of a metric from a target; a room of the acquisition."""

from overnight.bo_core.acquisition.distance.repetition import gains_in_best_distance, gains_of_measuring
from overnight.bo_core.acquisition.distance.utility import OfDistance, utility_towards

__all__ = ["OfDistance", "gains_in_best_distance", "gains_of_measuring", "utility_towards"]
