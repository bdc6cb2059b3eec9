"""Wait for a service that may still be starting."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_PAUSE = 2.0


async def wait_for(
    find_problem: Callable[[], Awaitable[str | None]], notify: Callable[[str], None], patience: float
) -> str | None:
    """Return None once there is no problem, or the problem that remains after `patience` seconds.

    `notify` is called once, with the first problem, unless there is no patience at all.
    """
    give_up = time.monotonic() + patience
    if (problem := await find_problem()) is None or patience <= 0:
        return problem
    notify(f"{problem} Waiting up to {patience:g} s for it …")
    while problem is not None and time.monotonic() < give_up:
        await asyncio.sleep(_PAUSE)
        problem = await find_problem()
    return problem
