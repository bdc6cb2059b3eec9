"""Building very many objects at once, all of which stay."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_VERY_MANY = 100_000


@contextmanager
def left_alone() -> Iterator[None]:
    """Keep the garbage collector from going through what is being built, again and again, until it is there.

    Events and trials hold no cycles, so there is nothing for it to find, but it takes more time than building them. If
    very many were built it does not look at them later either; they are freed when nobody holds them.
    """
    at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if gc.get_count()[0] > _VERY_MANY:
            gc.freeze()
        if at_work:
            gc.enable()
