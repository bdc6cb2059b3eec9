"""Ask Optuna's TPESampler in the parameters themselves; trials that are not allowed are pruned."""

from optuna.samplers import TPESampler

from native.optuna_space import PACKAGES, SpaceSession, rebuild_space
from native.space_told import SpaceTold

__all__ = ["PACKAGES", "rebuild"]


def rebuild(told: SpaceTold) -> SpaceSession:
    """Rebuild the study with a sampler that draws no initial design of its own."""
    return rebuild_space(told, TPESampler(seed=told.seed, n_startup_trials=0, constant_liar=True), penalty=False)
