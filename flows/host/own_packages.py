"""Start processes that import our package and installed libraries before files of the working folder.

A process for one of our modules is started with this file as its script (`own_module`). So no file of the user can be
imported in place of the standard library, Prefect or our package. The imports of this file itself are built into the
interpreter.
"""

import gc
import os
import runpy
import sys
from importlib.machinery import ModuleSpec, PathFinder

_PACKAGE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_ROOT, _NAME = os.path.split(_PACKAGE)


class OwnPackage:
    """A module finder that knows only our package."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return the location of our package; other finders know the rest."""
        del path, target
        return PathFinder.find_spec(name, [_ROOT]) if name == _NAME else None


def put_working_folder_last() -> None:
    """Put the working folder last in the search for modules, after installed ones, even if PYTHONPATH names it."""
    here = os.path.realpath(os.getcwd())
    if here == _ROOT:
        return
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != here] + [here]


def own_module(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules in its own process; the module calls `has_started`."""
    # With -E even the interpreter's first imports ignore PYTHONPATH; this file adds its folders later.
    return [sys.executable, "-E", "-P", os.path.abspath(__file__), module, *arguments]


def has_started() -> None:
    """Let a process of `own_module` collect garbage; until then that would have slowed its imports."""
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
