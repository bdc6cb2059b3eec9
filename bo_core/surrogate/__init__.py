"""What is believed of the objective: its model, how it is fitted, what it predicts.

The model as gpytorch defines it is in `gaussian_process`; it is not imported here, as proposing does not need it.
"""

from bo_core.surrogate.fit import Hyperparameters, fit
from bo_core.surrogate.marginal_likelihood import NegativeLogPosterior, TrainingData
from bo_core.surrogate.posterior import Posterior, safe_cholesky

__all__ = [
    "Hyperparameters",
    "NegativeLogPosterior",
    "Posterior",
    "TrainingData",
    "fit",
    "safe_cholesky",
]
