"""Addresses in a campaign's file, as they are written: which cannot be what was meant."""

import os
import re
from pathlib import Path

from campaign.errors import LedgerError
from storage import ledger_location

_NEARLY_A_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?!//)|[Ss]3/+")


def meant_as_ledger(address: str) -> str:
    """Return a folder or a URL of a ledger; ValueError says what was expected of one that is mistyped."""
    if _NEARLY_A_URL.match(address):
        raise ValueError(
            "expected a folder such as `./ledger`, or `file:///…`, or `s3://bucket/prefix`, "
            f"got {address!r}; a folder of this name is `./{address}`"
        )
    if "://" not in address:
        return meant_as_folder(address)
    try:
        ledger_location(address, "campaign", Path())
    except LedgerError as problem:
        raise ValueError(re.sub("^ledger `.*?`: ", "", str(problem))) from None
    return address


def meant_as_folder(path: str) -> str:
    """Return a path on this machine; ValueError says what was expected of one that is mistyped."""
    if "://" in path:
        raise ValueError(f"expected a path on this machine, got the URL {path!r}")
    if os.path.expanduser(path).startswith("~"):
        raise ValueError(
            f"expected a path, got {path!r}, and here is no such user; a folder of this name is `./{path}`"
        )
    return path
