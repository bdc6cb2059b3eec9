"""Fits the hyperparameters: maximum a posteriori from several starts at once, the best end kept."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bo_core.bfgs import minimize
from bo_core.surrogate.marginal_likelihood import NegativeLogPosterior, TrainingData
from bo_core.surrogate.priors import (
    LENGTH_SCALE_BOUNDS,
    LENGTH_SCALE_SPREAD,
    NOISE_BOUNDS,
    NOISE_LOCATION,
    NOISE_SPREAD,
    length_scale_location,
)
from campaign.errors import CannotPropose

_RANDOM_STARTS = 3
_MOST_DATA_FOR_RANDOM_STARTS = 300
_JITTERS = (1e-8, 1e-6, 1e-4)


@dataclass(frozen=True)
class Hyperparameters:
    """A fitted surrogate without its data; `noise_variance` belongs to observations whose noise is unknown."""

    length_scales: tuple[float, ...]
    noise_variance: float
    jitter: float

    def as_record(self) -> dict[str, tuple[float, ...]]:
        """Return the numbers under their names, as provenance keeps them."""
        return {
            "length_scales": self.length_scales,
            "noise_variance": (self.noise_variance,),
        }


def fit(
    data: TrainingData, generator: torch.Generator, warm_start: dict[str, tuple[float, ...]] | None = None
) -> Hyperparameters:
    """Return the hyperparameters with the highest posterior density among all starts' ends.

    Starts at the priors' modes, at the `warm_start` recorded with an earlier proposal if it fits, and, where
    that is cheap, at draws around the modes. Jitter grows until a start ends well; CannotPropose says that none did.
    """
    starts = _starts(data, generator, warm_start)
    d = data.X.shape[1]
    low = starts.new_tensor([math.log(LENGTH_SCALE_BOUNDS[0])] * d + [math.log(NOISE_BOUNDS[0])])
    high = starts.new_tensor([math.log(LENGTH_SCALE_BOUNDS[1])] * d + [math.log(NOISE_BOUNDS[1])])
    for jitter in _JITTERS:
        ends = minimize(NegativeLogPosterior(data, jitter), starts, low, high, first_step=1.0, longest_step=2.0)
        best = int(ends.value.argmin())
        if math.isfinite(float(ends.value[best])):
            *length_scales, noise_variance = ends.x[best].exp().tolist()
            return Hyperparameters(tuple(length_scales), noise_variance, jitter)
    raise CannotPropose(
        f"The surrogate could not be fitted to {len(data.y)} observations: the kernel matrix was singular from "
        f"{len(starts)} starts with jitter up to {_JITTERS[-1]:g}. Please report this with the ledger."
    )


def _starts(data: TrainingData, generator: torch.Generator, warm: dict[str, tuple[float, ...]] | None) -> Tensor:
    n, d = data.X.shape
    spread = torch.tensor([LENGTH_SCALE_SPREAD] * d + [NOISE_SPREAD], dtype=torch.float64)
    location = torch.tensor([length_scale_location(d)] * d + [NOISE_LOCATION], dtype=torch.float64)
    modes = location - spread**2
    starts = [modes]
    if warm is not None and len(warm["length_scales"]) == d:
        starts.append(torch.tensor([*warm["length_scales"], *warm["noise_variance"]], dtype=torch.float64).log())
    if n <= _MOST_DATA_FOR_RANDOM_STARTS:
        draws = torch.randn(_RANDOM_STARTS, d + 1, generator=generator, dtype=torch.float64)
        starts.extend(modes + draws)
    return torch.stack(starts).to(data.X.device)
