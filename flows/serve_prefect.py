"""The Prefect server of one campaign, as a process of its own: `flows.serve_prefect SOCKET PARENT`.

It hears no Ctrl-C, so that the campaign can drain, and dies with its parent, so that none is left over after a kill.
"""

import socket
import sys

import uvicorn
from prefect.server.api.server import create_app

from flows.own_packages import has_started
from flows.parent import die_with
from flows.prefect_database import lay_out


def main(listening: int, parent: int) -> None:
    """Serve at the socket that the parent listens at until the parent dies."""
    die_with(parent)
    lay_out()
    config = uvicorn.Config(create_app, factory=True, log_level="critical")
    has_started()
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=listening)])


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
