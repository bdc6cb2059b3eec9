"""Import a subcommand's module when the subcommand is called, so that `overnight --help` answers at once."""

import gc
import importlib
from typing import Any


def heavy(module: str) -> Any:
    """Return a module of this folder by its name, such as `read.status`."""
    # Modules are no garbage: looking for some among them takes a sixth of the time that an import takes.
    gc.disable()
    try:
        return importlib.import_module(f"overnight.flows.commands.{module}")
    finally:
        gc.freeze()
        gc.enable()
