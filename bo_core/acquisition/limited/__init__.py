"""Scores under limits of metrics: a room of the acquisition, which knows limits only on the scale of the models."""

from overnight.bo_core.acquisition.limited.allowed import (
    Allowed,
    Ends,
    Threshold,
    lies_within,
    log_probability_within,
)
from overnight.bo_core.acquisition.limited.confident_mean import ConfidentMean
from overnight.bo_core.acquisition.limited.constrained_objective import ConstrainedObjective, feasible_in_each_draw
from overnight.bo_core.acquisition.limited.feasible_incumbents import (
    HARDLY,
    NEARLY_SURE,
    could_be_best_feasible,
    feasible_in_samples,
    log_probability_of_all,
)

__all__ = [
    "HARDLY",
    "NEARLY_SURE",
    "Allowed",
    "ConfidentMean",
    "ConstrainedObjective",
    "Ends",
    "Threshold",
    "could_be_best_feasible",
    "feasible_in_each_draw",
    "feasible_in_samples",
    "lies_within",
    "log_probability_of_all",
    "log_probability_within",
]
