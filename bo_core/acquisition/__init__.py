"""What a candidate is worth: utilities, averaged over joint draws of everything that is not yet known."""

from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.joint_draws import JointDraws, could_be_best
from overnight.bo_core.acquisition.probability_of_improvement import LogProbabilityOfImprovement
from overnight.bo_core.acquisition.sampled_path import SampledPath
from overnight.bo_core.acquisition.simple_regret import SimpleRegret
from overnight.bo_core.acquisition.upper_confidence_bound import UpperConfidenceBound
from overnight.bo_core.acquisition.utilities import utility_of
from overnight.bo_core.acquisition.utility import Evaluated, Utility

__all__ = [
    "Evaluated",
    "JointDraws",
    "LogExpectedImprovement",
    "LogProbabilityOfImprovement",
    "SampledPath",
    "SimpleRegret",
    "UpperConfidenceBound",
    "Utility",
    "could_be_best",
    "utility_of",
]
