"""`overnight verify`: prove that a ledger is whole and unchanged."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.text import Text

from overnight.campaign.errors import LedgerDamaged, LedgerError
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.terminal import terminal
from overnight.report.verification import verification_lines
from overnight.storage import (
    Receipts,
    Signer,
    Verification,
    add_receipt,
    ledger_location,
    open_ledger,
    open_operations,
    read_receipts,
    receipt_of,
    signed,
    verify,
    verify_operations,
)

_DAMAGED, _UNREADABLE = 1, 2


@dataclass(frozen=True)
class _Keys:
    """The signer of the receipt that is added, and the key with which all others must be signed."""

    signer: Signer | None = None
    signed_by: str | None = None

    @property
    def may_add(self) -> bool:
        """Return whether a new receipt would have the signature that is demanded."""
        return self.signed_by is None or self.signer is not None


def verify_ledger(place: str, receipts: Path | None, sign: Path | None = None, signed_by: Path | None = None) -> None:
    """Print the findings; exit with 1 if the ledger is damaged and 2 if it, or its receipts, cannot be read.

    If the ledger is whole, a receipt of its newest segment is added to `receipts` unless they have one.
    """
    console = terminal()
    try:
        url, name, own = _ledger_of(place)
        receipts = receipts or own
        lines = list(_verified(url, name, receipts, _keys(receipts, sign, signed_by)))
    except LedgerDamaged as problem:
        console.print(Text.assemble(("damaged", "red"), f": {problem}"), soft_wrap=True)
        raise typer.Exit(_DAMAGED) from None
    except LedgerError as problem:
        console.print(Text.assemble(("cannot tell", "red"), f": {problem}"), soft_wrap=True)
        raise typer.Exit(_UNREADABLE) from None
    console.print(Text.assemble(("whole", "green"), f": {ledger_location(url, name, Path())}"), soft_wrap=True)
    for line in lines:
        console.print(line, soft_wrap=True)


def _ledger_of(place: str) -> tuple[str, str, Path | None]:
    """Return the address of the ledgers, the campaign's name, and its receipts if its file names them."""
    if "://" not in place and not Path(place).is_dir():
        file = load_campaign_file(Path(place))
        return file.ledger, file.campaign.name, Path(file.receipts) if file.receipts else None
    if "://" not in place:
        place = str(Path(place).resolve())
    url, _, name = place.rstrip("/").rpartition("/")
    if url.endswith(":/") or not name:
        raise LedgerError(f"{place}: expected the folder of one campaign, such as `{place.rstrip('/')}/bread`.")
    return url or "/", name, None


def _keys(receipts: Path | None, sign: Path | None, signed_by: Path | None) -> _Keys:
    if sign is None and signed_by is None:
        return _Keys()
    if receipts is None:
        option = "--sign" if sign else "--signed-by"
        raise LedgerError(f"{option}: expected --receipts FILE as well, the file of the signed receipts, found none.")
    # Imported here, since only signatures need the library for them.
    from overnight.storage.proofs.signing import read_private_key, read_public_key

    keys = _Keys(
        signer=read_private_key(sign, os.environ.get("OVERNIGHT_KEY_PASSWORD")) if sign else None,
        signed_by=read_public_key(signed_by) if signed_by else None,
    )
    if keys.signer and keys.signed_by and keys.signer.key != keys.signed_by:
        raise LedgerError(
            f"--sign {sign}: expected the private half of `{signed_by}`, found the private half of another key."
        )
    return keys


def _verified(url: str, name: str, file: Path | None, keys: _Keys) -> Iterator[str]:
    """Verify the ledger, add a receipt if one is due, and return the lines to print."""
    location = ledger_location(url, name, Path())
    receipts = read_receipts(file, keys.signed_by) if file else Receipts()
    if not receipts.kept and not keys.may_add:
        raise LedgerError(
            f"receipts `{file}`: expected a signed receipt, found none. Create the first one with --sign."
        )
    found = _state(url, name, receipts)
    if not found.segment:
        raise LedgerError(f"{location}: expected a campaign's ledger, found nothing.")
    added = False
    if file and keys.may_add and not _is_kept(found, receipts, keys.signer):
        receipt = receipt_of(found, location, SystemClock().now())
        add_receipt(file, signed(receipt, keys.signer) if keys.signer else receipt)
        added = True
    yield from verification_lines(found, receipts, file, demanded=keys.signed_by is not None, added=added)


def _state(url: str, name: str, receipts: Receipts) -> Verification:
    """Verify the events of a campaign, or the operations of a study of Optuna's own, which has them instead."""
    ledger, log = open_ledger(url, name, Path()), open_operations(url, name, Path())
    if not log.last() and not log.bundles.numbers():
        return verify(ledger, receipts.kept)
    if ledger.chain.newest(0):
        raise LedgerError(
            f"{ledger_location(url, name, Path())}: expected events or operations, found both. Move one of them "
            "elsewhere."
        )
    return verify_operations(log, receipts.kept)


def _is_kept(found: Verification, receipts: Receipts, signer: Signer | None) -> bool:
    """Return whether the newest segment has a receipt with the signature that a new one would get."""
    newest = [receipt for receipt in receipts.kept if receipt.segment == found.segment]
    return any(signer is None or receipt.key == signer.key for receipt in newest)
