"""Ask Optuna's GPSampler: a Matérn GP with LogEI, or with qLogEI over 128 samples if trials are running.

With several objectives it takes LogEHVI or qLogEHVI, up to a reference point of its own.
"""

from optuna.samplers import GPSampler
from optuna_study import PACKAGES, OptunaSession, rebuild_study
from told import Told

__all__ = ["PACKAGES", "rebuild"]


def rebuild(told: Told) -> OptunaSession:
    """Rebuild the study with a sampler that draws no initial design of its own."""
    return rebuild_study(told, GPSampler(seed=told.seed, n_startup_trials=0, deterministic_objective=told.exact))
