"""Run the dashboard's server until it is interrupted."""

import os
import socket
from contextlib import suppress

import uvicorn

from overnight.campaign.errors import CannotStart
from overnight.flows.api.place import place_of
from overnight.flows.dashboard.app import application
from overnight.flows.dashboard.entry.access import VARIABLE, Access, access_for, is_loopback
from overnight.flows.dashboard.watch import Watch
from overnight.flows.host.terminal import terminal


def serve(named: str, host: str, port: int, names: tuple[str, ...]) -> None:
    """Show the campaigns at a place until Ctrl-C.

    Raises CannotStart if the address cannot be used, and the errors of `place_of`.
    """
    place, given = place_of(named), os.environ.get(VARIABLE)
    with listen(host, port) as listening:
        port = listening.getsockname()[1]
        access = access_for(host, port, given, (*names, *_own_names(host)))
        server: uvicorn.Server | None = None

        def closing() -> bool:
            return server is not None and server.should_exit

        config = uvicorn.Config(
            application(Watch(place), access, closing),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=3,
        )
        server = uvicorn.Server(config)
        console = terminal()
        for line in greeting(access, host, chosen=given is not None):
            console.print(line, soft_wrap=True)
        # Ctrl-C is how it ends, and uvicorn raises it again when all is closed.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listening])


def greeting(access: Access, host: str, *, chosen: bool) -> list[str]:
    """Return the lines that are printed at the start; a token that a person has chosen is not repeated."""
    address = f"http://{f'[{host}]' if ':' in host else host}:{access.port}/"
    lines = [f"dashboard: {address}{'' if chosen else f'#token={access.token}'}"]
    if chosen:
        lines.append(f"log in with the token of {VARIABLE} to act")
    if not access.local:
        lines.append(
            "Other machines can reach this address. Whoever has the token may look and act, and the connection is not "
            "encrypted: use it in a network that you trust, or behind a server with TLS."
        )
    return [*lines, "Ctrl-C ends it; campaigns are not affected."]


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at this address; raises CannotStart if it cannot be used."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except OSError as problem:
        raise CannotStart(
            f"--host {host} --port {port}: expected an address to listen at, found that it cannot be used: "
            f"{problem.strerror}. Another dashboard may run there; name another port, or 0 for any free one."
        ) from None


def _own_names(host: str) -> tuple[str, ...]:
    """Return the names under which other machines know this one, if they can reach it."""
    return () if is_loopback(host) else (socket.gethostname(), socket.getfqdn())
