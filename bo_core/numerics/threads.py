"""The number of threads that the core computes with.

One thread is fastest for the matrices of a few hundred trials, and competing thread pools can make a fit of 40 ms take
seconds. It also keeps the results the same on every machine of a kind.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LEAST_FOR_MORE = 500
# Two proposals at once would overwrite each other's settings of the process, such as this number.
ONE_AT_A_TIME = threading.RLock()


@contextmanager
def threads_for(observations: int) -> Iterator[int]:
    """Compute with one thread inside, or with as many as torch may use if the matrices are large; yields the number.

    The number is part of a proposal's provenance, because sums of other lengths round differently.
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
