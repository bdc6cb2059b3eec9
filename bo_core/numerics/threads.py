"""The number of threads that the core computes with.

One thread is fastest for the matrices of a few hundred trials, and competing thread pools can make a fit of
40 ms take seconds; it also keeps the results the same on every machine of a kind.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LEAST_FOR_MORE = 500
# What belongs to the process, as this number does, two proposals at once would change under each other.
ONE_AT_A_TIME = threading.RLock()


@contextmanager
def threads_for(observations: int) -> Iterator[int]:
    """Compute with one thread inside, or with as many as torch may use where the matrices are large; yields how many.

    The number is part of a proposal's provenance: sums of other lengths round differently.
    """
    with ONE_AT_A_TIME:
        before = torch.get_num_threads()
        threads = before if observations >= _LEAST_FOR_MORE else 1
        torch.set_num_threads(threads)
        try:
            yield threads
        finally:
            torch.set_num_threads(before)


@contextmanager
def same_threads() -> Iterator[None]:
    """Restore the number of threads if code of the user changes it."""
    with ONE_AT_A_TIME:
        before = torch.get_num_threads()
        try:
            yield
        finally:
            if torch.get_num_threads() != before:
                torch.set_num_threads(before)
