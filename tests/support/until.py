"""Waiting for what another process does: nothing tells a test when that is."""

import time
from collections.abc import Callable


def until(true: Callable[[], bool], what: str, seconds: float) -> None:
    """Return as soon as something is true; raises RuntimeError where that takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise RuntimeError(f"after {seconds:g} s it is not so that {what}")
        time.sleep(0.5)
