"""Wait for a service that may still be starting."""

import asyncio
import time
from collections.abc import Awaitable, Callable

_PAUSE = 2.0


async def wait_for(
    find_problem: Callable[[], Awaitable[str | None]], tell: Callable[[str], None], patience: float
) -> str | None:
    """Return None once there is no problem any more, or the one that there still is after `patience` seconds.

    `tell` hears once of what is waited for.
    """
    give_up, told = time.monotonic() + patience, False
    while (problem := await find_problem()) is not None and time.monotonic() < give_up:
        if not told:
            tell(f"{problem} Waiting up to {patience:g} s for it …")
            told = True
        await asyncio.sleep(_PAUSE)
    return problem
