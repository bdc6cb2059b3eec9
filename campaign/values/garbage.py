"""Suspend garbage collection while many long-lived objects are built."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_alone() -> Iterator[None]:
    """Keep the garbage collector from scanning the objects repeatedly while they are being built.

    Events and trials hold no cycles, so the collector would find nothing and take longer than building them.
    """
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if at_work:
            gc.enable()
