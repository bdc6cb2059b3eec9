"""One error for numerical failures, whichever library raises them."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from overnight.campaign.errors import ModelFailed

# Torch raises RuntimeError also for what it cannot factorise or draw from.
_RAISED = (ArithmeticError, RuntimeError, ValueError, np.linalg.LinAlgError)


@contextmanager
def numbers_may_fail() -> Iterator[None]:
    """Raise ModelFailed in the place of what libraries raise over numbers."""
    try:
        yield
    except _RAISED as problem:
        text = " ".join(str(problem).split())[:300]
        raise ModelFailed(f"The model could not be computed ({type(problem).__name__}: {text}).") from problem
