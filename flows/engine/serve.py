"""Serve Prefect for one campaign as a separate process: `overnight.flows.engine.serve SOCKET PARENT`.

It hears no Ctrl-C, so that the campaign can drain, and dies with its parent, so that none is left over after a kill.
"""

import socket
import sys

import uvicorn
from prefect.server.api.server import create_app

from overnight.flows.engine.database import lay_out
from overnight.flows.host.own_packages import has_started
from overnight.flows.host.parent import die_with


def main(listening: int, parent: int) -> None:
    """Serve at the socket that the parent listens at until the parent dies."""
    die_with(parent)
    lay_out()
    config = uvicorn.Config(create_app, factory=True, log_level="critical")
    has_started()
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listening)])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
