"""From the address in a campaign's file to its ledger."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from campaign.errors import LedgerError
from storage.ledger import Ledger
from storage.local_store import LocalStore
from storage.parquet_ledger import ParquetLedger

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_ledger(url: str, campaign: str, folder: Path) -> Ledger:
    """Return the campaign's ledger in the directory `url`; a relative one starts at `folder`.

    Writes nothing: the directory is made by the first append. Raises LedgerError for an address that leads
    to no directory.
    """
    return ParquetLedger(LocalStore(_directory(url, folder)), f"{campaign}/")


def ledger_location(url: str, campaign: str, folder: Path) -> str:
    """Return the directory that holds the campaign's ledger; raises LedgerError as `open_ledger` does."""
    return str(_directory(url, folder) / campaign)


def _directory(url: str, folder: Path) -> Path:
    scheme = _SCHEME.match(url)
    if scheme is None:
        return (folder / Path(url).expanduser()).resolve()
    match scheme[1].lower():
        case "file":
            return _from_file_url(url)
        case "s3":
            raise LedgerError(
                f"ledger `{url}`: object storage arrives with a later version of Overnight. "
                "Give a directory, such as `./ledger`."
            )
        case other:
            raise LedgerError(
                f"ledger `{url}`: expected a directory, such as `./ledger`, or `file:///…`, got the scheme `{other}`."
            )


def _from_file_url(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise LedgerError(
            f"ledger `{url}`: expected an absolute path after `file://`, such as `file:///srv/ledger`, "
            f"got `{parts.netloc}{parts.path}`."
        )
    return Path(unquote(parts.path))
