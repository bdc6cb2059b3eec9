"""A single error for numerical failures, regardless of the library that raises them."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from overnight.campaign.errors import ModelFailed

# Torch also raises RuntimeError if it cannot factorise or draw.
_RAISED = (ArithmeticError, RuntimeError, ValueError, np.linalg.LinAlgError)


@contextmanager
def numbers_may_fail() -> Iterator[None]:
    """Raise ModelFailed instead of the numerical errors of libraries."""
    try:
        yield
    except _RAISED as problem:
        text = " ".join(str(problem).split())[:300]
        raise ModelFailed(f"The model could not be computed ({type(problem).__name__}: {text}).") from problem
