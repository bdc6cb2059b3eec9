"""Ask Optuna's TPESampler, with the constant liar for running trials."""

from optuna.samplers import TPESampler
from optuna_study import PACKAGES, OptunaSession, rebuild_study
from told import Told

__all__ = ["PACKAGES", "rebuild"]


def rebuild(told: Told) -> OptunaSession:
    """Rebuild the study with a sampler that draws no initial design of its own."""
    return rebuild_study(told, TPESampler(seed=told.seed, n_startup_trials=0, constant_liar=True))
