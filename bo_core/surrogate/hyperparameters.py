"""A fitted surrogate without its data: one or several sets of hyperparameters, and their stored form."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.surrogate.kernel import KernelName

Record = dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Hyperparameters:
    """M equally likely sets that predictions are averaged over; `theta` [M, h] of g groups, laid out as in `priors`.

    They are `batched` if they hold the variance of the shifts of batches.
    """

    theta: Tensor
    g: int
    kernel: KernelName
    jitter: float
    batched: bool = False

    @property
    def length_scales(self) -> Tensor:
        """Return the length scales [M, g] of the groups."""
        return self.log_length_scales.exp()

    @property
    def log_length_scales(self) -> Tensor:
        """Return the logarithms of the length scales [M, g] of the groups."""
        return self.theta[:, : self.g]

    @property
    def noise_variance(self) -> Tensor:
        """Return the inferred noise variances [M]."""
        return self.theta[:, self.g].exp()

    @property
    def batch_variance(self) -> Tensor | None:
        """Return the variances [M] of the shifts that the outcomes of a batch share; None without batches."""
        return self.theta[:, self.g + 1].exp() if self.batched else None

    @property
    def warp_exponents(self) -> tuple[Tensor, Tensor] | None:
        """Return the exponents of the input warping, each [M, 1, g], None without warping."""
        if self.theta.shape[1] == self._first_warp:
            return None
        a, b = self.theta[:, None, self._first_warp :].exp().chunk(2, 2)
        return a, b

    @property
    def _first_warp(self) -> int:
        return self.g + 1 + self.batched

    def as_record(self) -> Record:
        """Return the numbers by name, set after set, bit-exact, as provenance records them."""
        record = {
            "length_scales": self.log_length_scales,
            "noise_variance": self.theta[:, self.g],
            "batch_variance": self.theta[:, self.g + 1 : self._first_warp],
            "warp_exponents": self.theta[:, self._first_warp :],
        }
        return {f"log_{name}": tuple(values.flatten().tolist()) for name, values in record.items() if values.numel()}


def is_batched(record: Mapping[str, tuple[float, ...]]) -> bool:
    """Return whether a record holds the variance of the shifts of batches."""
    return len(record.get("log_batch_variance", ())) > 0


def theta_of_record(record: Mapping[str, tuple[float, ...]], g: int) -> Tensor | None:
    """Return the recorded sets [M, h] for g groups, None if they belong to another space."""
    noise, batch = record.get("log_noise_variance", ()), record.get("log_batch_variance", ())
    parts = [record.get("log_length_scales", ()), noise, batch, record.get("log_warp_exponents", ())]
    M = len(noise)
    if not M or len(parts[0]) != M * g or len(batch) not in (0, M) or len(parts[3]) not in (0, 2 * M * g):
        return None
    return torch.cat([torch.tensor(p, dtype=torch.float64).reshape(M, -1) for p in parts], 1)
