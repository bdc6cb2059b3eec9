"""From the address in a campaign's file to its ledger."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

from campaign.errors import LedgerDamaged, LedgerError, LedgerTooNew
from storage.chain import Chain
from storage.local_store import LocalStore
from storage.mailbox import Mailboxes
from storage.parquet_ledger import ParquetLedger
from storage.store import ObjectStore

_ASKED_AT_ONCE = 16
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_S3 = re.compile(r"(?i:s3)://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]+)(/(?P<prefix>[^?#@]*))?")


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
    if _scheme(url) == "s3":
        bucket, prefix = _bucket(url)
        return f"s3://{bucket}/{prefix}{campaign}"
    return str(_directory(url, folder) / campaign)


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
    if _scheme(url) != "s3":
        return LocalStore(_directory(url, folder))
    # Half a second, which nobody should wait for whose ledger is a directory.
    from storage.s3_store import S3Store

    return S3Store(*_bucket(url))


def _scheme(url: str) -> str | None:
    scheme = _SCHEME.match(url)
    return None if scheme is None else scheme[1].lower()


def _directory(url: str, folder: Path) -> Path:
    match _scheme(url):
        case None:
            return (folder / Path(url).expanduser()).resolve()
        case "file":
            return _from_file_url(url)
        case other:
            raise LedgerError(
                f"ledger `{url}`: expected a directory, such as `./ledger`, `file:///…` or `s3://bucket/prefix`, "
                f"got the scheme `{other}`."
            )


def _bucket(url: str) -> tuple[str, str]:
    """Return the bucket, and the prefix, which is empty or ends in `/`."""
    found = _S3.fullmatch(url)
    if found is None or {".", ".."} & set((found["prefix"] or "").split("/")):
        # The address is not repeated: people write secrets into it.
        raise LedgerError(
            "ledger `s3://…`: expected `s3://bucket` or `s3://bucket/prefix` without `@`, `?`, `#` and `..`. "
            "Credentials and endpoint are taken from the environment or the AWS profile (AWS_ACCESS_KEY_ID, "
            "AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_PROFILE)."
        )
    prefix = (found["prefix"] or "").strip("/")
    return found["bucket"], f"{prefix}/" if prefix else ""


def _from_file_url(url: str) -> Path:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise LedgerError(
            f"ledger `{url}`: expected an absolute path after `file://`, such as `file:///srv/ledger`, "
            f"got `{parts.netloc}{parts.path}`."
        )
    return Path(unquote(parts.path))
