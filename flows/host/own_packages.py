"""Start processes that import our package and installed libraries before files of the working folder.

A process that only runs a module of ours is started with this file as its script (`own_module`), so that no file of the
user's is imported in the place of the standard library, of Prefect or of ours; what it imports for itself is built into
the interpreter.
"""

import gc
import os
import runpy
import sys
from importlib.machinery import ModuleSpec, PathFinder

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_ROOT, _NAME = os.path.split(_PACKAGE)


class OwnPackage:
    """A finder of modules that knows our package and nothing else."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return where our package lies; other finders know everything else."""
        del path, target
        return PathFinder.find_spec(name, [_ROOT]) if name == _NAME else None


def put_working_folder_last() -> None:
    """Have what is installed found before files of the working folder, also if PYTHONPATH names that folder."""
    here = os.path.realpath(os.getcwd())
    if here == _ROOT:
        return
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != here] + [here]


def own_module(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours, which calls `has_started`, in a process of its own."""
    # -E: not even what the interpreter begins with comes from PYTHONPATH, whose folders are added by this file.
    return [sys.executable, "-E", "-P", os.path.abspath(__file__), module, *arguments]


def has_started() -> None:
    """Let a process of `own_module` collect garbage, which would slow the imports down that it begins with."""
    gc.freeze()
    gc.enable()


if __name__ == "__main__":
    gc.disable()
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[:0] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    put_working_folder_last()
    sys.meta_path.insert(0, OwnPackage)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
