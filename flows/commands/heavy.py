"""Import a subcommand's module when the subcommand is called, so that `overnight --help` answers at once."""

import importlib
from typing import Any


def heavy(module: str) -> Any:
    """Return a module of this folder by its name, such as `read.status`."""
    return importlib.import_module(f"overnight.flows.commands.{module}")
