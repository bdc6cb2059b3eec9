"""The value of a candidate: draws of every metric, incumbents in each draw, and a score averaged over the draws."""

from overnight.bo_core.acquisition.incumbents import best_in_each_draw, could_be_best
from overnight.bo_core.acquisition.joint_draws import Drawn, JointDraws
from overnight.bo_core.acquisition.sampled_path import SampledPath
from overnight.bo_core.acquisition.score import AverageScore, OneObjective, Score, Scored, Scoring
from overnight.bo_core.acquisition.utilities import utility_of
from overnight.bo_core.acquisition.utility import Evaluated, Utility

__all__ = [
    "AverageScore",
    "Drawn",
    "Evaluated",
    "JointDraws",
    "OneObjective",
    "SampledPath",
    "Score",
    "Scored",
    "Scoring",
    "Utility",
    "best_in_each_draw",
    "could_be_best",
    "utility_of",
]
