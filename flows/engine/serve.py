"""Serve Prefect for one campaign as a separate process: `overnight.flows.engine.serve SOCKET PARENT`.

Ctrl-C does not reach it, so that the campaign can drain. It dies with its parent, so that no server outlives a kill.
"""

import socket
import sys

import uvicorn
from prefect.server.api.server import create_app

from overnight.flows.engine.database import lay_out
from overnight.flows.host.own_packages import has_started
from overnight.flows.host.parent import die_with


def main(listening: int, parent: int) -> None:
    """Serve on the parent's listening socket until the parent dies."""
    die_with(parent)
    lay_out()
    config = uvicorn.Config(create_app, factory=True, log_level="critical")
    has_started()
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listening)])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
