"""What is believed of the objective: its model, how it is fitted, what it predicts."""

from bo_core.surrogate.fit import Hyperparameters, fit
from bo_core.surrogate.gaussian_process import GaussianProcess
from bo_core.surrogate.marginal_likelihood import NegativeLogPosterior, TrainingData
from bo_core.surrogate.posterior import Posterior, safe_cholesky

__all__ = [
    "GaussianProcess",
    "Hyperparameters",
    "NegativeLogPosterior",
    "Posterior",
    "TrainingData",
    "fit",
    "safe_cholesky",
]
