"""The garbage collector while many objects are built, and after it."""

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from overnight.campaign.values import garbage

MANY = 200_000


class Knot:
    """An object that only the collector can free."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture
def passes() -> Iterator[list[int]]:
    """Return a list of the generations that the collector goes through from now on."""
    found: list[int] = []

    def note(phase: str, about: dict[str, int]) -> None:
        if phase == "start":
            found.append(about["generation"])

    gc.unfreeze()
    gc.collect()
    gc.callbacks.append(note)
    yield found
    gc.callbacks.remove(note)


@contextmanager
def frozen() -> Iterator[None]:
    gc.freeze()
    yield
    gc.unfreeze()


def test_the_collector_goes_through_very_many_new_objects_neither_before_nor_right_after(passes):
    with garbage.left_alone():
        built = [[number] for number in range(MANY)]
    assert gc.isenabled()
    more = [[number] for number in range(10_000)]
    young = [len(gc.get_objects(generation)) for generation in (0, 1)]
    assert 2 not in passes
    assert sum(young) < MANY < len(built) + len(more)


def test_what_has_become_garbage_is_freed_later():
    gc.unfreeze()
    knot = Knot()
    before = weakref.ref(knot)
    with garbage.left_alone():
        built = [[number] for number in range(MANY)]
        within = weakref.ref(Knot())
    del knot, built
    gc.collect()
    assert before() is within() is None


def test_objects_that_the_program_has_frozen_stay_frozen_and_no_others():
    """The count of frozen objects cannot tell: it falls whenever one of them dies."""
    mine = Knot()
    with frozen():
        with garbage.left_alone():
            built = [[number] for number in range(MANY)]
        watched = gc.get_objects()
        assert not any(seen is mine for seen in watched)
        assert any(seen is built for seen in watched)


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with garbage.left_alone():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
