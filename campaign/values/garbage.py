"""Suspend garbage collection while many objects that stay are built."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def left_alone() -> Iterator[None]:
    """Keep the garbage collector from going through what is being built, again and again, until it is there.

    Events and trials hold no cycles, so there is nothing for it to find, and it takes more time than building them.
    """
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if at_work:
            gc.enable()
