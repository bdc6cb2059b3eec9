"""The settings with which gpytorch computes here: Cholesky factors, gradients if asked, and no numerical warnings."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import gpytorch
import torch
from linear_operator.utils.warnings import NumericalWarning


@contextmanager
def exactly(*, gradients: bool) -> Iterator[None]:
    """Compute without approximations, even inside inference mode, whose tensors have no gradients.

    Tensors from outside must be cloned before use.
    """
    with (
        torch.inference_mode(False),
        torch.set_grad_enabled(gradients),
        gpytorch.settings.fast_computations(covar_root_decomposition=False, log_prob=False, solves=False),
        gpytorch.settings.debug(False),
        warnings.catch_warnings(),
    ):
        # This is how gpytorch reports that it added jitter.
        warnings.simplefilter("ignore", NumericalWarning)
        yield
