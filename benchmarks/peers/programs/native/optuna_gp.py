"""Ask Optuna's GPSampler in the parameters themselves; it reads completed trials, so those not allowed get a penalty.

Parameters that some trials lack are not modelled: the sampler draws them at random.
"""

from optuna.samplers import GPSampler

from native.optuna_space import PACKAGES, SpaceSession, rebuild_space
from native.space_told import SpaceTold

__all__ = ["PACKAGES", "rebuild"]


def rebuild(told: SpaceTold) -> SpaceSession:
    """Rebuild the study with a sampler that draws no initial design of its own."""
    sampler = GPSampler(seed=told.seed, n_startup_trials=0, deterministic_objective=told.exact)
    return rebuild_space(told, sampler, penalty=True)
