"""The acquisitions that a campaign may name, one line each, with the properties that others need without torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Acquisition:
    """An acquisition as a campaign names it, with the class of its utility.

    Without a utility, the search climbs a path drawn from the posterior. The utility is made from the proposer's
    `settings`. `against_best` means that it compares with the best of the points that could be best, which are then
    part of the draws; an acquisition that does not compare must not know the noise-free values there. `is_gain` means
    that scores are logarithms of a possible gain, which a cost can divide. If it `may_repeat`, a repetition may be
    preferred to its new point.
    """

    name: str
    utility: str | None
    settings: tuple[str, ...] = ()
    against_best: bool = False
    is_gain: bool = False
    may_repeat: bool = False


_ALL = (
    Acquisition(
        "log_noisy_expected_improvement",
        "overnight.bo_core.acquisition.expected_improvement:LogExpectedImprovement",
        against_best=True,
        is_gain=True,
        may_repeat=True,
    ),
    Acquisition(
        "log_probability_of_improvement",
        "overnight.bo_core.acquisition.probability_of_improvement:LogProbabilityOfImprovement",
        against_best=True,
        is_gain=True,
    ),
    Acquisition(
        "upper_confidence_bound",
        "overnight.bo_core.acquisition.upper_confidence_bound:UpperConfidenceBound",
        settings=("exploration",),
    ),
    Acquisition("thompson_sampling", utility=None),
    Acquisition("simple_regret", "overnight.bo_core.acquisition.simple_regret:SimpleRegret"),
)
ACQUISITIONS: Mapping[str, Acquisition] = MappingProxyType({acquisition.name: acquisition for acquisition in _ALL})
DEFAULT = _ALL[0].name
# Those that a cost can divide, and those that predict how much a point improves on the best.
GAINS = tuple(acquisition.name for acquisition in _ALL if acquisition.is_gain)
AGAINST_BEST = tuple(acquisition.name for acquisition in _ALL if acquisition.against_best)
# The recorded name of the score of several objectives, which takes the place of the default.
OF_FRONTS = "log_noisy_expected_hypervolume_improvement"
# The recorded name of the score by which points are chosen together with their fidelity.
GAIN_PER_COST = "gain per cost"
