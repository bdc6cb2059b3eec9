"""How many threads the core computes with.

One thread is fastest for the matrices of a few hundred trials, and competing thread pools can make a fit of
40 ms take seconds; it also keeps the results the same on every machine of a kind.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

FEW_THREADS = 1


@contextmanager
def few_threads() -> Iterator[None]:
    """Compute with one thread inside, and with as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(FEW_THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)
