"""Open the ledger at an address of a campaign file."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from overnight.campaign.errors import LedgerDamaged, LedgerError, LedgerTooNew
from overnight.storage.address import address_problem, bucket_and_prefix, directory, scheme_of
from overnight.storage.mailbox import Mailboxes
from overnight.storage.parquet_ledger import ParquetLedger
from overnight.storage.segments.chain import Chain
from overnight.storage.stores.local_store import LocalStore
from overnight.storage.stores.store import ObjectStore

_ASKED_AT_ONCE = 16


def open_ledger(url: str, campaign: str, folder: Path) -> ParquetLedger:
    """Return the campaign's ledger in the directory or bucket `url`; a relative directory starts at `folder`.

    Writes nothing: the directory is made by the first append. Raises LedgerError for an address that leads
    to neither.
    """
    return ParquetLedger(_store(url, folder), f"{campaign}/")


def open_mailboxes(url: str, campaign: str, folder: Path) -> Mailboxes:
    """Return the mailboxes beside the ledger that `open_ledger` returns for the same; raises what that raises."""
    return Mailboxes(_store(url, folder), f"{campaign}/")


def ledger_location(url: str, campaign: str, folder: Path) -> str:
    """Return the directory or address that holds the campaign's ledger; raises LedgerError as `open_ledger` does."""
    if _checked_scheme(url) == "s3":
        bucket, prefix = bucket_and_prefix(url)
        return f"s3://{bucket}/{prefix}{campaign}"
    return str(directory(url, folder) / campaign)


@dataclass(frozen=True)
class KeptCampaign:
    """A campaign that a directory or a bucket holds: how many appends there were, and when the last was.

    Where that cannot be read, `damage` says why.
    """

    name: str
    segments: int = 0
    last: datetime | None = None
    damage: str = ""


def kept_campaigns(url: str, folder: Path) -> list[KeptCampaign]:
    """Return the campaigns in the directory or bucket `url`, by name; what is no ledger is passed over.

    Of each only the newest segment is read. Raises LedgerError as `open_ledger` does.
    """
    store = _store(url, folder)
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
        return KeptCampaign(name, newest, max((event.time for event in link.file.events), default=None))
    except (LedgerDamaged, LedgerTooNew) as problem:
        return KeptCampaign(name, damage=str(problem))


def _store(url: str, folder: Path) -> ObjectStore:
    if _checked_scheme(url) != "s3":
        return LocalStore(directory(url, folder))
    # Half a second, which nobody should wait for whose ledger is a directory.
    from overnight.storage.stores.s3_store import S3Store

    return S3Store(*bucket_and_prefix(url))


def _checked_scheme(url: str) -> str | None:
    """Return the scheme of an address; raises LedgerError if it leads to no directory and no bucket."""
    scheme = scheme_of(url)
    if (problem := address_problem(url)) is not None:
        raise LedgerError(f"ledger `{'s3://…' if scheme == 's3' else url}`: {problem}.")
    return scheme
