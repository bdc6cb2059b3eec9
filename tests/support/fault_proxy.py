"""A proxy in front of an HTTP server that injects faults into chosen requests, before or after the server acts."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from aiohttp import ClientSession, ClientTimeout, web

Fault = Literal["cut before", "cut after", "500 before", "500 after", "503 before", "503 after", "half a body"]
FAULTS: tuple[Fault, ...] = (
    "cut before", "cut after", "500 before", "500 after", "503 before", "503 after", "half a body",
)  # fmt: skip
_LARGEST_BODY = 1 << 30
_CODES = {"500": "InternalError", "503": "SlowDownWrite"}
_OF_ONE_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "expect")


@dataclass
class FaultProxy:
    """The faults to inject next, and a record of the requests so far.

    `seen` has `(method, path, fault)` of each request, `listed` the prefix of each listing.
    """

    endpoint: str = ""
    seen: list[tuple[str, str, Fault | None]] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    _next: dict[str, list[Fault]] = field(default_factory=dict)

    def spoil(self, method: str, *faults: Fault) -> None:
        """Inject these faults into the next requests of this method, one into each."""
        self._next.setdefault(method, []).extend(faults)

    async def answer(self, request: web.Request, upstream: str, session: ClientSession) -> web.StreamResponse:
        """Forward the request and return its answer, with the next fault of its method if one is left."""
        waiting = self._next.get(request.method)
        fault = waiting.pop(0) if waiting else None
        self.seen.append((request.method, request.path, fault))
        if "list-type" in request.query:
            self.listed.append(request.query.get("prefix", ""))
        body = await request.read()
        kind, _, when = (fault or "").partition(" ")
        if when == "before":
            return _spoilt(request, kind)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _OF_ONE_HOP}
        sent = session.request(request.method, upstream + request.raw_path, data=body or None, headers=headers)
        async with sent as passed:
            content = await passed.read()
        if when == "after":
            return _spoilt(request, kind)
        kept = {k: v for k, v in passed.headers.items() if k.lower() not in _OF_ONE_HOP}
        if fault == "half a body":
            response = web.StreamResponse(
                status=passed.status, headers={**kept, "Content-Length": str(len(content) + 1)}
            )
            await response.prepare(request)
            await response.write(content[: len(content) // 2])
            return _spoilt(request, "cut")
        return web.Response(status=passed.status, headers=kept, body=content)


def _spoilt(request: web.Request, kind: str) -> web.Response:
    if kind == "cut":
        assert request.transport is not None
        request.transport.abort()
        return web.Response()
    return web.Response(status=int(kind), text=f"<Error><Code>{_CODES[kind]}</Code></Error>", content_type="text/xml")


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Run a proxy in a separate thread."""
    proxy, ready, loop = FaultProxy(), threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()
    # Unlike `web.Server`, an application sends `100 Continue` to a client that waits for it before sending a body.
    application = web.Application(client_max_size=_LARGEST_BODY)

    async def serve() -> None:
        async with ClientSession(timeout=ClientTimeout(total=30), auto_decompress=False) as session:
            application.router.add_route("*", "/{key:.*}", partial(proxy.answer, upstream=upstream, session=session))
            runner = web.AppRunner(application, shutdown_timeout=1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            proxy.endpoint = f"http://{host}:{port}"
            ready.set()
            await stop.wait()
            await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield proxy
    finally:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
