"""Scores under limits of metrics: a room of the acquisition, which knows limits only on the scale of the models."""

from overnight.bo_core.acquisition.limited.allowed import Allowed, Threshold, lies_within
from overnight.bo_core.acquisition.limited.confident_mean import ConfidentMean
from overnight.bo_core.acquisition.limited.constrained_objective import ConstrainedObjective
from overnight.bo_core.acquisition.limited.feasible_incumbents import could_be_best_feasible

__all__ = ["Allowed", "ConfidentMean", "ConstrainedObjective", "Threshold", "could_be_best_feasible", "lies_within"]
