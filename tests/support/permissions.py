"""Run a command to which file permissions apply, even if root runs it."""

import ctypes
import os
import sys
from collections.abc import Sequence

_DROP_FROM_BOUNDING_SET = 24
_MAY_WRITE_ANYTHING, _MAY_READ_ANYTHING = 1, 2


def obeying(command: Sequence[str]) -> list[str]:
    """Return a command that runs this one without root's right to override file permissions.

    Running it as another user would also work, but that user might not be allowed to read the interpreter.
    """
    return [sys.executable, __file__, *command]


def main() -> None:
    """Give up these rights and become the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    for right in (_MAY_WRITE_ANYTHING, _MAY_READ_ANYTHING) if os.geteuid() == 0 else ():
        if libc.prctl(_DROP_FROM_BOUNDING_SET, right, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot give up a right")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
