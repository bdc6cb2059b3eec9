"""Wait for another process by polling, since it does not notify the test."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], what: str, seconds: float) -> None:
    """Return as soon as the condition is true; raises RuntimeError if that takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {seconds:g} s it is not so that {what}")
        time.sleep(0.5)
