"""An event loop in its own thread, for synchronous code that may run in several threads."""

import asyncio
import os
from collections.abc import Coroutine
from functools import cache
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


def run_in_background(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in the one loop of this process and return its result; an interrupted caller cancels it."""
    running = asyncio.run_coroutine_threadsafe(coroutine, _loop_of(os.getpid()))
    try:
        return running.result()
    finally:
        running.cancel()


@cache
def _loop_of(process: int) -> asyncio.AbstractEventLoop:
    """Return the loop of this process; the loop of a parent does not run in a fork."""
    del process
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="overnight", daemon=True).start()
    return loop
