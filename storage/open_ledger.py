"""Open the ledger at an address from a campaign file."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from overnight.campaign.errors import LedgerDamaged, LedgerError, LedgerTooNew
from overnight.storage.address import address_problem, bucket_and_prefix, directory, scheme_of
from overnight.storage.mailbox import Mailboxes
from overnight.storage.operations import OperationLog
from overnight.storage.parquet_ledger import ParquetLedger
from overnight.storage.segments.chain import Chain
from overnight.storage.stores.local_store import LocalStore
from overnight.storage.stores.store import ObjectStore

_ASKED_AT_ONCE = 16


def open_ledger(url: str, campaign: str, folder: Path) -> ParquetLedger:
    """Return the campaign's ledger in the directory or bucket `url`; a relative directory starts at `folder`.

    Writes nothing: the first append creates the directory. Raises LedgerError if the address leads to neither.
    """
    return ParquetLedger(open_store(url, folder), f"{campaign}/")


def open_mailboxes(url: str, campaign: str, folder: Path) -> Mailboxes:
    """Return the mailboxes next to the ledger that `open_ledger` returns; raises LedgerError as that does."""
    return Mailboxes(open_store(url, folder), f"{campaign}/")


def open_operations(url: str, name: str, folder: Path) -> OperationLog:
    """Return the chain of operations `name` in the directory or bucket `url`; raises LedgerError as `open_ledger`."""
    return OperationLog(open_store(url, folder), f"{name}/")


def ledger_location(url: str, campaign: str, folder: Path) -> str:
    """Return the directory or address that holds the campaign's ledger; raises LedgerError as `open_ledger` does."""
    if _checked_scheme(url) == "s3":
        bucket, prefix = bucket_and_prefix(url)
        return f"s3://{bucket}/{prefix}{campaign}"
    return str(directory(url, folder) / campaign)


@dataclass(frozen=True)
class KeptCampaign:
    """A campaign in a directory or a bucket: the number of its segments, the hash and the last time of the newest one.

    If they cannot be read, `damage` gives the reason.
    """

    name: str
    segments: int = 0
    hash: str = ""
    last: datetime | None = None
    damage: str = ""


def kept_campaigns(url: str, folder: Path) -> list[KeptCampaign]:
    """Return the campaigns in the directory or bucket `url` by name, and ignore everything that is not a ledger.

    Only the newest segment of each is read. Raises LedgerError as `open_ledger` does.
    """
    return kept_in(open_store(url, folder))


def kept_in(store: ObjectStore) -> list[KeptCampaign]:
    """Return the campaigns in a store as `kept_campaigns` does."""
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        found = pool.map(lambda name: _kept(store, name), store.folders())
        return [campaign for campaign in found if campaign is not None]


def _kept(store: ObjectStore, name: str) -> KeptCampaign | None:
    chain = Chain(store, f"{name}/")
    try:
        newest = chain.newest(0)
        if newest == 0:
            return None
        [link] = chain.links(newest - 1, to=newest)
        last = max((event.time for event in link.file.events), default=None)
        return KeptCampaign(name, newest, link.hash, last)
    except (LedgerDamaged, LedgerTooNew) as problem:
        return KeptCampaign(name, damage=str(problem))


def open_store(url: str, folder: Path) -> ObjectStore:
    """Return the directory or the bucket of ledgers; raises LedgerError as `open_ledger` does."""
    if _checked_scheme(url) != "s3":
        return LocalStore(directory(url, folder))
    # This import takes half a second, which a ledger in a directory should not cost.
    from overnight.storage.stores.s3_store import S3Store

    return S3Store(*bucket_and_prefix(url))


def _checked_scheme(url: str) -> str | None:
    """Return the scheme of an address; raises LedgerError if it leads neither to a directory nor to a bucket."""
    scheme = scheme_of(url)
    if (problem := address_problem(url)) is not None:
        raise LedgerError(f"ledger `{'s3://…' if scheme == 's3' else url}`: {problem}.")
    return scheme
