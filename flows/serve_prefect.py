"""The Prefect server of one campaign, as a process of its own: `python -m flows.serve_prefect PORT PARENT`.

It hears no Ctrl-C, so that the campaign can drain, and dies with its parent, so that none is left over after a kill.
"""

import ctypes
import os
import signal
import sys

import uvicorn

_PR_SET_PDEATHSIG = 1


def main(port: int, parent: int) -> None:
    """Serve until the parent dies."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    uvicorn.run("prefect.server.api.server:create_app", factory=True, host="127.0.0.1", port=port, log_level="critical")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
