"""Which utility belongs to which name under `proposer.acquisition`."""

from overnight.bo_core.acquisition.expected_improvement import LogExpectedImprovement
from overnight.bo_core.acquisition.probability_of_improvement import LogProbabilityOfImprovement
from overnight.bo_core.acquisition.simple_regret import SimpleRegret
from overnight.bo_core.acquisition.upper_confidence_bound import UpperConfidenceBound
from overnight.bo_core.acquisition.utility import Utility
from overnight.bo_core.proposer import BayesianProposer


def utility_of(proposer: BayesianProposer) -> Utility | None:
    """Return the utility that the proposer asks for, None for Thompson sampling, which climbs a path instead."""
    match proposer.acquisition:
        case "log_noisy_expected_improvement":
            return LogExpectedImprovement()
        case "log_probability_of_improvement":
            return LogProbabilityOfImprovement()
        case "upper_confidence_bound":
            return UpperConfidenceBound(proposer.exploration)
        case "simple_regret":
            return SimpleRegret()
        case "thompson_sampling":
            return None
