"""Import a module by its name when it is needed, without searching the new modules for garbage."""

import gc
import importlib
from typing import Any


def quick_import(module: str) -> Any:
    """Return the module of this name."""
    if not gc.isenabled():
        return importlib.import_module(module)
    # New modules are not garbage, and searching them for garbage takes a sixth of the time of an import. Freezing and
    # thawing them makes them old, so that only a full collection goes through them.
    gc.disable()
    try:
        return importlib.import_module(module)
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()
