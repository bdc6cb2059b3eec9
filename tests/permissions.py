"""Lets a child process obey the permissions of files also where it is root's, for whom they do not hold."""

import ctypes
import os

_DROP_FROM_BOUNDING_SET = 24
_MAY_WRITE_ANYTHING, _MAY_READ_ANYTHING = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


def obey_permissions() -> None:
    """Give up, for what this process executes next, the rights of root that go beyond those of a file's owner.

    It is for `preexec_fn`: another user might not be allowed to read the interpreter.
    """
    if os.geteuid() != 0:
        return
    for right in (_MAY_WRITE_ANYTHING, _MAY_READ_ANYTHING):
        if _libc.prctl(_DROP_FROM_BOUNDING_SET, right, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot give up a right")
