"""An event loop in its own thread, for synchronous code that may run in several threads."""

import asyncio
import os
from collections.abc import Coroutine
from functools import cache
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


def run_in_background(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end in the one loop of this process and return the result; who is interrupted meanwhile ends it."""
    running = asyncio.run_coroutine_threadsafe(coroutine, _loop_of(os.getpid()))
    try:
        return running.result()
    finally:
        running.cancel()


@cache
def _loop_of(process: int) -> asyncio.AbstractEventLoop:
    """Return the loop of this process; that of the one from which it was forked does not go on here."""
    del process
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="overnight", daemon=True).start()
    return loop
