"""Import a subcommand's module only when the subcommand is called, so that `overnight --help` is fast."""

from typing import Any

from overnight.flows.host.quick_import import quick_import


def heavy(module: str) -> Any:
    """Return a module of this folder by its name, such as `read.status`."""
    return quick_import(f"overnight.flows.commands.{module}")
