"""A user's own modules that have the names of our folders, and are imported by the user's evaluation."""

from pathlib import Path

_FILES = ("bo_core", "campaign", "evaluators", "report", "storage")
_PACKAGE = "flows"
# Prepend this to an objective: it fails if one of the imported modules is not the user's.
IMPORTS = f"""
import {", ".join((*_FILES, _PACKAGE))}

assert all(module.OWN for module in ({", ".join((*_FILES, _PACKAGE))}))
"""


def write_namesakes(folder: Path) -> None:
    """Write the modules into a campaign's folder."""
    for name in _FILES:
        (folder / f"{name}.py").write_text("OWN = True\n")
    (folder / _PACKAGE).mkdir()
    (folder / _PACKAGE / "__init__.py").write_text("OWN = True\n")
