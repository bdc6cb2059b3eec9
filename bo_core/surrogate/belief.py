"""The protocol of a fitted surrogate: a joint posterior of its metric."""

from typing import Protocol

from torch import Tensor

from overnight.bo_core.surrogate.hyperparameters import Record
from overnight.bo_core.surrogate.metric_draws import MetricDraws
from overnight.bo_core.surrogate.training_data import TrainingData


class Belief(Protocol):
    """A Gaussian process given its observations, once for each of M sets of hyperparameters, in standardised units.

    It is immutable, and its methods are pure functions. It can be restored bit for bit from its record and the
    observations.
    """

    @property
    def set_count(self) -> int:
        """Return M, the number of sets of hyperparameters."""
        ...

    @property
    def like(self) -> Tensor:
        """Return a tensor with the type and the device of all inputs and outputs."""
        ...

    @property
    def scales(self) -> Tensor:
        """Return the lengths [d] over which f changes along each feature, in proportion to each other."""
        ...

    @property
    def jitter(self) -> float:
        """Return the variance that was added to the noise so that the data's covariance could be factorised."""
        ...

    def joint(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means [M, b] and covariances [M, b, b] of the latent function at features X [b, d]."""
        ...

    def marginal(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the means and standard deviations [M, b] of the latent function at features X [b, d]."""
        ...

    def averaged(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean and standard deviation [b] of the mixture over all sets of hyperparameters."""
        ...

    def bounds_at_data(self, deviations: float) -> tuple[Tensor, Tensor]:
        """Return bounds of f at the distinct observed points [M, u], at least `deviations` sds away."""
        ...

    def replicate_noise(self, data: TrainingData) -> Tensor:
        """Return the noise variances [M, u] that one more measurement at each distinct observed point would have."""
        ...

    def drawn(self, points: Tensor, normals: Tensor) -> MetricDraws:
        """Return draws of f at `points` [r, d] from standard normals [M, S, r + more], the last for later points."""
        ...

    def as_record(self) -> Record:
        """Return the learnt numbers, bit-exact, by name."""
        ...
