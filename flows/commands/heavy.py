"""Import a subcommand's module only when the subcommand is called, so that `overnight --help` is fast."""

import gc
import importlib
from typing import Any


def heavy(module: str) -> Any:
    """Return a module of this folder by its name, such as `read.status`."""
    # New modules are not garbage, and searching them for garbage takes a sixth of the time of an import. Freezing and
    # thawing them makes them old, so that only a full collection goes through them.
    gc.disable()
    try:
        return importlib.import_module(f"overnight.flows.commands.{module}")
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()
