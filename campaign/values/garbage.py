"""Suspend garbage collection while many long-lived objects are built."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

# With fewer new objects, a pass over them takes a few milliseconds.
_MANY = 100_000


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
            _spare_new_objects()
            gc.enable()


def _spare_new_objects() -> None:
    """Count very many new objects as old, so that the collector does not go through them at once.

    A later full collection still frees those that have become garbage. Nothing is done if the program itself has frozen
    objects, because these would be thawed.
    """
    if gc.get_count()[0] > _MANY and gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()
