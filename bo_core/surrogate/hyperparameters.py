"""A fitted surrogate without its data: one or several sets of hyperparameters, and their stored form."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from overnight.bo_core.surrogate.errors import NAMES_OF, ErrorsName
from overnight.bo_core.surrogate.kernel import KernelName

Record = dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Hyperparameters:
    """M equally likely sets that predictions are averaged over; `theta` [M, h] of g groups, laid out as in `priors`.

    `errors` is the kind of errors that observations share, whose hyperparameters they hold as well.
    """

    theta: Tensor
    g: int
    kernel: KernelName
    jitter: float
    errors: ErrorsName | None = None

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
    def of_errors(self) -> Tensor:
        """Return the hyperparameters [M, c] of the errors that observations share, in logarithms; c may be 0."""
        return self.theta[:, self.g + 1 : self._first_warp]

    @property
    def warp_exponents(self) -> tuple[Tensor, Tensor] | None:
        """Return the exponents of the input warping, each [M, 1, g], None without warping."""
        if self.theta.shape[1] == self._first_warp:
            return None
        a, b = self.theta[:, None, self._first_warp :].exp().chunk(2, 2)
        return a, b

    @property
    def _first_warp(self) -> int:
        return self.g + 1 + len(self._names)

    @property
    def _names(self) -> tuple[str, ...]:
        return () if self.errors is None else NAMES_OF[self.errors]

    def as_record(self) -> Record:
        """Return the numbers by name, set after set, bit-exact, as provenance records them."""
        record = {
            "length_scales": self.log_length_scales,
            "noise_variance": self.theta[:, self.g],
            **dict(zip(self._names, self.of_errors.unsqueeze(2).unbind(1), strict=True)),
            "warp_exponents": self.theta[:, self._first_warp :],
        }
        return {f"log_{name}": tuple(values.flatten().tolist()) for name, values in record.items() if values.numel()}


def errors_of_record(record: Mapping[str, tuple[float, ...]]) -> ErrorsName | None:
    """Return the kind of shared errors whose hyperparameters a record holds."""
    return next((kind for kind, names in NAMES_OF.items() if any(f"log_{name}" in record for name in names)), None)


def theta_of_record(record: Mapping[str, tuple[float, ...]], g: int) -> Tensor | None:
    """Return the recorded sets [M, h] for g groups, None if they belong to another space."""
    errors = errors_of_record(record)
    names = () if errors is None else NAMES_OF[errors]
    of_errors = [record.get(f"log_{name}", ()) for name in names]
    scales, noise, warps = (
        record.get(f"log_{name}", ()) for name in ("length_scales", "noise_variance", "warp_exponents")
    )
    M = len(noise)
    if not M or len(scales) != M * g or any(len(each) != M for each in of_errors) or len(warps) not in (0, 2 * M * g):
        return None
    parts = [scales, noise, *of_errors, warps]
    return torch.cat([torch.tensor(p, dtype=torch.float64).reshape(M, -1) for p in parts], 1)
