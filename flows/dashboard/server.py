"""Run the dashboard's server until it is interrupted."""

import os
import socket

import uvicorn

from overnight.campaign.errors import CannotStart
from overnight.flows.dashboard.app import application
from overnight.flows.dashboard.entry.access import VARIABLE, access_for, is_loopback
from overnight.flows.dashboard.place import place_of
from overnight.flows.dashboard.watch import Watch
from overnight.flows.host.terminal import terminal


def serve(named: str, host: str, port: int, names: tuple[str, ...]) -> None:
    """Show the campaigns at a place until Ctrl-C.

    Raises CannotStart if the address cannot be used, and the errors of `place_of`.
    """
    place = place_of(named)
    listening = listen(host, port)
    port = listening.getsockname()[1]
    given = os.environ.get(VARIABLE)
    access = access_for(host, port, given, (*names, *_own_names(host)))
    server: uvicorn.Server | None = None

    def closing() -> bool:
        return server is not None and server.should_exit

    app = application(Watch(place), access, closing)
    server = uvicorn.Server(
        uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3, lifespan="off"
        )
    )
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    console = terminal()
    # A token that a person has chosen is not repeated.
    console.print(f"dashboard: {address}{'' if given else f'#token={access.token}'}", soft_wrap=True)
    if given:
        console.print(f"log in with the token of {VARIABLE} to act", soft_wrap=True)
    if not access.local:
        console.print(
            "Other machines can reach this address. Whoever has the token may look and act, and the connection is not "
            "encrypted: use it in a network that you trust, or behind a server with TLS.",
            style="yellow",
            soft_wrap=True,
        )
    console.print("Ctrl-C ends it; campaigns are not affected.", soft_wrap=True)
    with listening:
        server.run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens at this address; raises CannotStart if it cannot be used."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as problem:
        raise CannotStart(
            f"--host {host} --port {port}: expected an address to listen at, found that it cannot be used: "
            f"{problem.strerror}. Another dashboard may run there; name another port, or 0 for any free one."
        ) from None
    return listening


def _own_names(host: str) -> tuple[str, ...]:
    """Return the names under which other machines know this one, if they can reach it."""
    return () if is_loopback(host) else (socket.gethostname(), socket.getfqdn())
