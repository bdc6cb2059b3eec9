"""A dashboard on a free port of loopback, in a thread of the test, and ledgers for it to show."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn

from overnight.campaign.history.events import Event
from overnight.flows.api.place import place_of
from overnight.flows.dashboard.app import application
from overnight.flows.dashboard.entry.access import access_for
from overnight.flows.dashboard.server import listen
from overnight.flows.dashboard.watch import Watch
from overnight.storage import open_ledger

TOKEN = "a-token-that-only-this-test-knows"


def append(address: str | Path, name: str, events: Sequence[Event]) -> None:
    """Append events to a ledger as another process would."""

    async def write() -> None:
        ledger = open_ledger(str(address), name, Path())
        await ledger.append(events, after=ledger.chain.newest(0))

    asyncio.run(write())


@dataclass(frozen=True)
class Served:
    """A dashboard that runs: its address, and a client that has not logged in."""

    address: str
    client: httpx.Client

    @contextmanager
    def logged_in(self) -> Iterator[httpx.Client]:
        """Yield a client with the cookie of a login, that names its origin as a browser does."""
        with httpx.Client(base_url=self.address, headers={"Origin": self.address}, timeout=30) as client:
            client.post("/login", json={"token": TOKEN}).raise_for_status()
            yield client


@contextmanager
def dashboard(
    named: str | Path, *, every: float = 0.1, host: str = "127.0.0.1", ahead: bool = False
) -> Iterator[Served]:
    """Run a dashboard of the campaigns at a place until the end of the block.

    Unless it reads `ahead`, it has read nothing before the first request, so that a test knows when it reads.
    """
    listening = listen(host, 0)
    port = listening.getsockname()[1]
    server: list[uvicorn.Server] = []
    watch, access = Watch(place_of(str(named)), every), access_for(host, port, TOKEN)
    app = application(watch, access, lambda: bool(server) and server[0].should_exit)
    lifespan = "on" if ahead else "off"
    config = uvicorn.Config(app, log_level="error", access_log=False, lifespan=lifespan, timeout_graceful_shutdown=2)
    server.append(uvicorn.Server(config))
    thread = threading.Thread(target=server[0].run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        while not server[0].started and thread.is_alive():
            time.sleep(0.01)
        address = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=address, timeout=30) as client:
            yield Served(address, client)
    finally:
        server[0].should_exit = True
        thread.join(20)
        listening.close()


def shown(served: Served, address: str) -> str:
    """Return the HTML of a part of a page."""
    answer = served.client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.json()["html"]
