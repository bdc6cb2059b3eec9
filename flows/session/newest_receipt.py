"""Compare a ledger with its newest receipt before anything is appended."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from overnight.campaign.errors import LedgerDamaged, LedgerError
from overnight.campaign.history.events import LossAccepted
from overnight.flows.host.clock import Clock
from overnight.storage import ParquetLedger, Receipt, add_receipt, read_receipts

_ACTOR = "user"


@dataclass(frozen=True)
class ReceiptsFile:
    """The file with the receipts of one campaign's ledger, and the location of that ledger."""

    path: Path
    campaign: str
    ledger: str


async def check_newest_receipt(ledger: ParquetLedger, file: ReceiptsFile | None) -> None:
    """Raise LedgerDamaged if the ledger lacks the segment that the newest receipt names, or has another in its place.

    Only one object is read. Receipts may be missing, as at the first start. Raises LedgerError if they cannot be read
    or belong to another campaign.
    """
    receipt = None if file is None else await asyncio.to_thread(_newest, file)
    if file is None or receipt is None:
        return
    found = await asyncio.to_thread(ledger.chain.there, receipt.segment)
    if found == receipt.hash:
        return
    if PurePosixPath(receipt.ledger).name != file.campaign:
        raise LedgerError(
            f"receipts `{file.path}`: expected receipts of campaign `{file.campaign}`, found that the newest "
            f"one belongs to `{receipt.ledger}`. Nothing was written: give each campaign a `receipts` file of its own."
        )
    raise LedgerDamaged(
        f"ledger file `{ledger.chain.name(receipt.segment)}`: expected the one that the newest receipt in "
        f"`{file.path}` names, from {receipt.time:%Y-%m-%d %H:%M} UTC, found {await _found_instead(ledger, found)}. "
        "Nothing was written. Restore the ledger from a copy. If the missing part is lost for good, continue without "
        'it: overnight run CAMPAIGN --accept-loss "why", which the ledger records.'
    )


async def accept_loss(
    ledger: ParquetLedger, file: ReceiptsFile | None, why: str, clock: Clock, notify: Callable[[str], None]
) -> None:
    """Record that a person continues without the segment that the newest receipt names, and add a receipt of the rest.

    Nothing is written if nothing is missing. Raises LedgerError if the record or the receipt cannot be written.
    """
    try:
        await check_newest_receipt(ledger, file)
    except LedgerDamaged:
        if not why.strip():
            raise LedgerError("--accept-loss: expected a reason, found none. Nothing was written.") from None
    else:
        notify("--accept-loss: the ledger agrees with its newest receipt, so there is nothing to accept.")
        return
    assert file is not None
    receipt = await asyncio.to_thread(_newest, file)
    assert receipt is not None
    segments = await ledger.read()
    head, events = len(segments), sum(len(segment.events) for segment in segments)
    now = clock.now()
    lost = LossAccepted(time=now, actor=_ACTOR, segment=receipt.segment, hash=receipt.hash, why=why)
    number = await ledger.append([lost], after=head)
    accepted = Receipt(ledger=file.ledger, segment=number, events=events + 1, hash=ledger.hash_of(number), time=now)
    await asyncio.to_thread(add_receipt, file.path, accepted)
    notify(
        f"The loss is accepted and recorded as segment {number}. `overnight verify` still reports older receipts in "
        f"`{file.path}`; move them to another file when they are no longer needed."
    )


async def check_or_accept(
    ledger: ParquetLedger, file: ReceiptsFile | None, why: str | None, clock: Clock, notify: Callable[[str], None]
) -> None:
    """Refuse a ledger that does not match its newest receipt, unless a person has given a reason to continue."""
    if why is None:
        await check_newest_receipt(ledger, file)
    else:
        await accept_loss(ledger, file, why, clock, notify)


def _newest(file: ReceiptsFile) -> Receipt | None:
    """Return the receipt on the last whole line, which is the newest because lines are only added."""
    kept = read_receipts(file.path).kept
    return kept[-1] if kept else None


async def _found_instead(ledger: ParquetLedger, hash_found: str | None) -> str:
    if hash_found is not None:
        return "another file, so the ledger was rewritten or belongs to another run of the campaign"
    newest = await asyncio.to_thread(ledger.chain.newest, 0)
    return f"that the ledger ends with segment {newest}" if newest else "no ledger at all"
