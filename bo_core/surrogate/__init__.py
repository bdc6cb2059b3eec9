"""The surrogate of a metric: its model, its fit, and its predictions.

The model as gpytorch defines it is in `gaussian_process`. It is not imported here, because proposing does not need it.
"""

from overnight.bo_core.surrogate.belief import Belief
from overnight.bo_core.surrogate.climbs import Fit
from overnight.bo_core.surrogate.fit import fit, fit_onward, keep
from overnight.bo_core.surrogate.hyperparameters import Hyperparameters
from overnight.bo_core.surrogate.kernel import KernelName
from overnight.bo_core.surrogate.marginal_likelihood import LogPosterior
from overnight.bo_core.surrogate.metric_draws import Conditional, MetricDraws, PullBack
from overnight.bo_core.surrogate.posterior import Posterior, safe_cholesky
from overnight.bo_core.surrogate.priors import Prior
from overnight.bo_core.surrogate.training_data import TrainingData

__all__ = [
    "Belief",
    "Conditional",
    "Fit",
    "Hyperparameters",
    "KernelName",
    "LogPosterior",
    "MetricDraws",
    "Posterior",
    "Prior",
    "PullBack",
    "TrainingData",
    "fit",
    "fit_onward",
    "keep",
    "safe_cholesky",
]
