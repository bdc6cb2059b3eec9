"""The value of a candidate: draws of every metric, incumbents in each draw, and a score averaged over the draws."""

from overnight.bo_core.acquisition.allowed import Allowed, Threshold
from overnight.bo_core.acquisition.confident_mean import ConfidentMean
from overnight.bo_core.acquisition.constrained import ConstrainedObjective
from overnight.bo_core.acquisition.incumbents import best_in_each_draw, could_be_best, could_be_best_feasible
from overnight.bo_core.acquisition.joint_draws import Drawn, JointDraws
from overnight.bo_core.acquisition.sampled_path import SampledPath
from overnight.bo_core.acquisition.score import AverageScore, OneObjective, Score, Scored, Scoring
from overnight.bo_core.acquisition.utilities import utility_of
from overnight.bo_core.acquisition.utility import Evaluated, Utility

__all__ = [
    "Allowed",
    "AverageScore",
    "ConfidentMean",
    "ConstrainedObjective",
    "Drawn",
    "Evaluated",
    "JointDraws",
    "OneObjective",
    "SampledPath",
    "Score",
    "Scored",
    "Scoring",
    "Threshold",
    "Utility",
    "best_in_each_draw",
    "could_be_best",
    "could_be_best_feasible",
    "utility_of",
]
