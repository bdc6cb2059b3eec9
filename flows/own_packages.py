"""Our packages before all others of their names, and the user's folder after everything that is installed.

Our packages have names such as `campaign`, `report` and `storage`, which files beside a campaign have as well. Every
process of ours that imports `flows` finds ours first. A process that only runs a module of ours is started with this
file as its script (`own_module`), so that no file of the user's is imported in the place of the standard library, of
Prefect or of ours; what it imports for itself is built into the interpreter.
"""

import os
import runpy
import sys
from importlib.machinery import ModuleSpec, PathFinder

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OURS = ("bo_core", "campaign", "evaluators", "flows", "overnight", "report", "storage")


class OwnPackages:
    """A finder of modules that knows the folder of our packages and nothing else."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return where one of our packages lies; other finders know everything else."""
        del path, target
        return PathFinder.find_spec(name, [_ROOT]) if name in _OURS else None


def find_our_packages_first() -> None:
    """Have our packages found in this process; raises ImportError if another file already has one of their names."""
    for name in _OURS:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None and not os.path.abspath(file).startswith(_ROOT + os.sep):
            raise ImportError(
                f"Overnight has a package `{name}`, and this process has imported {file} under that name. "
                "Give that file another name, or import `overnight` in a process that does not import it."
            )
    if OwnPackages not in sys.meta_path:
        sys.meta_path.insert(0, OwnPackages)


def put_working_folder_last() -> None:
    """Have what is installed found before files of the working folder, also if PYTHONPATH names that folder."""
    here = os.path.realpath(os.getcwd())
    if here == _ROOT:
        return
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != here] + [here]


def own_module(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours in a process of its own."""
    return [sys.executable, "-P", os.path.abspath(__file__), module, *arguments]


if __name__ == "__main__":
    put_working_folder_last()
    find_our_packages_first()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
