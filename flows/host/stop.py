"""Requests to stop: the first drains, the second stops at once."""

import asyncio
from enum import IntEnum


class Stop(IntEnum):
    """How urgently to stop."""

    NO = 0
    DRAIN = 1
    NOW = 2


class StopRequest:
    """A request to stop, made by a signal or a caller and obeyed by the loop."""

    def __init__(self) -> None:
        self.level = Stop.NO
        self._heard = asyncio.Event()

    def ask(self) -> Stop:
        """Ask to stop, more urgently with each call."""
        self.level = Stop(min(self.level + 1, Stop.NOW))
        self._heard.set()
        return self.level

    def ask_for(self, level: Stop) -> None:
        """Ask to stop at least this urgently."""
        if level > self.level:
            self.level = level
            self._heard.set()

    async def wait(self, above: Stop) -> None:
        """Return when the level is above the given one."""
        while self.level <= above:
            self._heard.clear()
            await self._heard.wait()
