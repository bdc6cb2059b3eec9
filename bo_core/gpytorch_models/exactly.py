"""The one way in which gpytorch computes here: with Cholesky factors, with gradients if asked, and silently."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import gpytorch
import torch
from linear_operator.utils.warnings import NumericalWarning


@contextmanager
def exactly(*, gradients: bool) -> Iterator[None]:
    """Compute without approximations, also inside of inference mode, whose tensors know no gradients.

    Tensors from outside have to be cloned before they are used in it.
    """
    with (
        torch.inference_mode(False),
        torch.set_grad_enabled(gradients),
        gpytorch.settings.fast_computations(covar_root_decomposition=False, log_prob=False, solves=False),
        gpytorch.settings.debug(False),
        warnings.catch_warnings(),
    ):
        # It is how gpytorch reports that it added jitter.
        warnings.simplefilter("ignore", NumericalWarning)
        yield
