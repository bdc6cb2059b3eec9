"""Sign requests to S3 with the kernel's time, in processes whose clock is shifted.

The S3 server is a Go program: it asks the kernel for the time without the C library, so that its clock cannot be
shifted, and it refuses a request whose signature is more than fifteen minutes old or ahead. Python imports this module
at the start of each process that has this folder in its PYTHONPATH.
"""

import datetime
import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

_SIGNING = "botocore.auth"


class _Patched(MetaPathFinder):
    """Finds the module that signs requests, and replaces its clock once it is loaded."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != _SIGNING:
            return None
        spec = PathFinder.find_spec(fullname, path)  # pyright: ignore[reportArgumentType]
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def load_and_patch(module: ModuleType) -> None:
            load(module)
            module.__dict__["get_current_datetime"] = kernel_time

        spec.loader.exec_module = load_and_patch
        return spec


def kernel_time(remove_tzinfo: bool = True) -> datetime.datetime:
    """Return the time in UTC without the shift."""
    shift = int.from_bytes(Path(os.environ["SHIFTED_CLOCK"]).read_bytes(), sys.byteorder, signed=True)
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=shift)
    return now.replace(tzinfo=None) if remove_tzinfo else now


if "SHIFTED_CLOCK" in os.environ:
    sys.meta_path.insert(0, _Patched())
