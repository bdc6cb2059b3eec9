"""Server-sent events: the version of what a page shows, whenever it changes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

from starlette.requests import Request
from starlette.responses import StreamingResponse

# Proxies end connections that are silent for a minute.
_SILENCE = 15.0
# A look takes at most this share of the time.
_SHARE = 0.5


def feed(request: Request, version: Callable[[], Awaitable[str]], every: float) -> StreamingResponse:
    """Return a stream of versions that ends with the connection or with the server; nothing is read after that."""
    headers = {"X-Accel-Buffering": "no"}
    return StreamingResponse(_changes(request, version, every), media_type="text/event-stream", headers=headers)


async def _changes(request: Request, version: Callable[[], Awaitable[str]], every: float) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    if request.method == "HEAD":
        return
    last, heard = None, monotonic()
    while not request.app.state.closing() and not await request.is_disconnected():
        began = monotonic()
        found = await version()
        if found != last:
            last, heard = found, monotonic()
            yield f"event: changed\ndata: {json.dumps({'version': found})}\n\n"
        elif monotonic() - heard > _SILENCE:
            heard = monotonic()
            yield ": nothing new\n\n"
        await asyncio.sleep(max(every, (monotonic() - began) / _SHARE))
