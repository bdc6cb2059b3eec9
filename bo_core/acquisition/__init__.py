"""What a candidate is worth: utilities, averaged over joint draws of everything that is not yet known."""

from bo_core.acquisition.expected_improvement import LogExpectedImprovement
from bo_core.acquisition.joint_draws import JointDraws, could_be_best
from bo_core.acquisition.utility import Evaluated, Utility

__all__ = ["Evaluated", "JointDraws", "LogExpectedImprovement", "Utility", "could_be_best"]
