"""Runs a command that obeys the permissions of files also where it is root's, for whom they do not hold."""

import ctypes
import os
import sys
from collections.abc import Sequence

_DROP_FROM_BOUNDING_SET = 24
_MAY_WRITE_ANYTHING, _MAY_READ_ANYTHING = 1, 2


def obeying(command: Sequence[str]) -> list[str]:
    """Return a command that runs this one without the rights of root that go beyond those of a file's owner.

    Another user would do, too, but might not be allowed to read the interpreter.
    """
    return [sys.executable, __file__, *command]


def main() -> None:
    """Give those rights up and become the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    for right in (_MAY_WRITE_ANYTHING, _MAY_READ_ANYTHING) if os.geteuid() == 0 else ():
        if libc.prctl(_DROP_FROM_BOUNDING_SET, right, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot give up a right")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
