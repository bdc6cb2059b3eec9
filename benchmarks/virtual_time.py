"""Virtual time: an event loop whose clock jumps to the next due event, so that hours pass in an instant."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

_T = TypeVar("_T")
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


class NothingIsDue(RuntimeError):
    """Every task waits and no timer is set: virtual time would stand still for ever."""


class _JumpingSelector(selectors.SelectSelector):
    """A selector that advances the clock by the timeout instead of waiting."""

    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            raise NothingIsDue("Expected a timer to be set, found that everything waits for something else.")
        self._jump(timeout)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs callbacks in the order of their times and never waits; two runs of the same tasks are identical.

    Nothing may run in parallel: while a thread computes, virtual time would race ahead. Work that takes real time runs
    inside the loop.
    """

    def __init__(self) -> None:
        self._elapsed = 0.0
        super().__init__(_JumpingSelector(self._jump))

    def time(self) -> float:
        """Return the virtual seconds since the loop began."""
        return self._elapsed

    def _jump(self, seconds: float) -> None:
        self._elapsed += seconds


class VirtualClock:
    """A campaign's Clock that follows the running event loop."""

    def now(self) -> datetime:
        """Return the present moment, counted from the year 2000."""
        return BEGINNING + timedelta(seconds=asyncio.get_running_loop().time())

    async def sleep(self, seconds: float) -> None:
        """Return after the given number of virtual seconds."""
        await asyncio.sleep(seconds)


def run_in_virtual_time(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end in a virtual time of its own."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
