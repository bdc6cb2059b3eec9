"""Server-sent events: the version of what a page shows, whenever it changes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

# Proxies end connections that are silent for a minute.
_SILENCE = 15.0
# A look takes at most this share of the time.
_SHARE = 0.5


def feed(request: Request, version: Callable[[], Awaitable[str]], every: float) -> Response:
    """Return a stream of versions that ends with the connection or with the server; nothing is read after that."""
    kind, headers = "text/event-stream", {"X-Accel-Buffering": "no"}
    if request.method == "HEAD":
        # A stream whose body nobody receives would not end.
        return Response(media_type=kind, headers=headers)
    return StreamingResponse(_changes(request, version, every), media_type=kind, headers=headers)


async def _changes(request: Request, version: Callable[[], Awaitable[str]], every: float) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
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
