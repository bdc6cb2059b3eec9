"""Refuse addresses in a campaign's file that are probably mistyped."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from overnight.storage.address import address_problem

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NEARLY_A_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//)|[Ss]3/+")


def ledger_address(address: str) -> str:
    """Return the folder or the URL of a ledger; raises ValueError with the expected form if it looks mistyped."""
    if (problem := address_problem(address)) is not None:
        raise ValueError(problem)
    if _NEARLY_A_URL.match(address):
        raise ValueError(
            "expected a folder such as `./ledger`, or `file:///…`, or `s3://bucket/prefix`, "
            f"got {address!r}; a folder of this name is `./{address}`"
        )
    return address if "://" in address else meant_as_folder(address)


def absolute_ledger(address: str, folder: Path) -> str:
    """Return the address with a relative path made absolute, starting at this folder."""
    return address if "://" in address else str(folder / os.path.expanduser(address))


def place_of_ledger(written: Mapping[Any, Any], folder: Path) -> tuple[str, str] | None:
    """Return the campaign's name and the address of its ledger in a file in this folder; None if they are invalid."""
    name, ledger = written.get("name"), written.get("ledger", "./ledger")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(ledger, str):
        return None
    try:
        return name, absolute_ledger(ledger_address(ledger), folder)
    except ValueError:
        return None


def meant_as_folder(path: str) -> str:
    """Return a path on this machine; raises ValueError with the expected form if it looks mistyped."""
    if "\0" in path:
        raise ValueError("expected a path, got one with the character NUL, which no file system knows")
    if "://" in path:
        raise ValueError(f"expected a path on this machine, got the URL {path!r}")
    if os.path.expanduser(path).startswith("~"):
        raise ValueError(f"expected a path, got {path!r}, whose user is unknown; a folder of this name is `./{path}`")
    return path
