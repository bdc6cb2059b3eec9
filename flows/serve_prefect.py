"""The Prefect server of one campaign, as a process of its own: `python -m flows.serve_prefect PORT PARENT`.

It hears no Ctrl-C, so that the campaign can drain, and dies with its parent, so that none is left over after a kill.
"""

import sys

import uvicorn

from flows.parent import die_with


def main(port: int, parent: int) -> None:
    """Serve until the parent dies."""
    die_with(parent)
    uvicorn.run("prefect.server.api.server:create_app", factory=True, host="127.0.0.1", port=port, log_level="critical")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
