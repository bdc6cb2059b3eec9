"""Virtual time passes in an instant, in the order of the timers, and never skips a callback that is ready."""

import asyncio
import time
from datetime import timedelta

import pytest

from benchmarks.virtual_time import NothingIsDue, VirtualClock, run_in_virtual_time


def test_a_virtual_week_passes_in_an_instant():
    async def a_week() -> timedelta:
        clock = VirtualClock()
        before = clock.now()
        await clock.sleep(7 * 24 * 3600)
        return clock.now() - before

    began = time.monotonic()
    assert run_in_virtual_time(a_week()) == timedelta(days=7)
    assert time.monotonic() - began < 5


def test_things_end_in_the_order_of_their_durations_whenever_they_began():
    async def ending_order() -> list[tuple[str, float]]:
        ended: list[tuple[str, float]] = []

        async def take(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            ended.append((name, asyncio.get_running_loop().time()))

        async with asyncio.TaskGroup() as group:
            for name, seconds in (("slow", 300.0), ("fast", 0.001), ("middle", 40.0)):
                group.create_task(take(name, seconds))
        return ended

    ended = run_in_virtual_time(ending_order())
    assert [name for name, _ in ended] == ["fast", "middle", "slow"]
    assert [when for _, when in ended] == pytest.approx([0.001, 40.0, 300.0])


def test_computing_takes_no_virtual_time():
    async def compute() -> float:
        time.sleep(0.05)  # noqa: ASYNC251
        await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run_in_virtual_time(compute()) == 0


def test_waiting_for_what_can_never_come_is_an_error_and_no_hang():
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(NothingIsDue):
        run_in_virtual_time(wait_for_ever())
