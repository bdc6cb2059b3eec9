"""Compare a ledger with its newest receipt before anything is appended: a cut or vanished ledger must be noticed."""

import asyncio
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from campaign.errors import LedgerDamaged, LedgerError
from campaign.events import LossAccepted
from flows.campaign_file import CampaignFile
from flows.clock import Clock
from storage import ParquetLedger, Receipt, add_receipt, ledger_location, read_receipts

_ACTOR = "user"


async def check_newest_receipt(ledger: ParquetLedger, file: CampaignFile) -> None:
    """Raise LedgerDamaged if the ledger lacks the segment that the newest receipt names, or has another in its place.

    One object is read. No receipts yet, as at the first start, are fine. Raises LedgerError if the receipts cannot be
    read, or are those of another campaign.
    """
    receipt = await asyncio.to_thread(_newest, file)
    found = None if receipt is None else await asyncio.to_thread(ledger.chain.there, receipt.segment)
    if receipt is None or found == receipt.hash:
        return
    if PurePosixPath(receipt.ledger).name != file.campaign.name:
        raise LedgerError(
            f"receipts `{file.receipts}`: expected receipts of campaign `{file.campaign.name}`, found that the newest "
            f"one belongs to `{receipt.ledger}`. Nothing was written: give each campaign a `receipts` file of its own."
        )
    raise LedgerDamaged(
        f"ledger file `{ledger.chain.name(receipt.segment)}`: expected what the newest receipt in `{file.receipts}` "
        f"names, of {receipt.time:%Y-%m-%d %H:%M} UTC, found {await _instead(ledger, found)}. Nothing was written. "
        "Restore the ledger from a copy. If the missing part is lost for good, continue without it: overnight run "
        'CAMPAIGN --accept-loss "why", which the ledger records.'
    )


async def accept_loss(
    ledger: ParquetLedger, file: CampaignFile, why: str, clock: Clock, tell: Callable[[str], None]
) -> None:
    """Record that a person goes on without what the newest receipt names, and add a receipt of what there is.

    Nothing is written if nothing is missing. Raises LedgerError if either cannot be written.
    """
    try:
        await check_newest_receipt(ledger, file)
    except LedgerDamaged:
        if not why.strip():
            raise LedgerError("--accept-loss: expected why, found nothing. Nothing was written.") from None
    else:
        tell("--accept-loss: the ledger is what its newest receipt says, so there is nothing to accept.")
        return
    receipt = await asyncio.to_thread(_newest, file)
    assert receipt is not None
    segments = await ledger.read()
    head, events = len(segments), sum(len(segment.events) for segment in segments)
    now = clock.now()
    lost = LossAccepted(time=now, actor=_ACTOR, segment=receipt.segment, hash=receipt.hash, why=why)
    number = await ledger.append([lost], after=head)
    location = ledger_location(file.ledger, file.campaign.name, Path())
    accepted = Receipt(ledger=location, segment=number, events=events + 1, hash=ledger.hash_of(number), time=now)
    await asyncio.to_thread(add_receipt, Path(str(file.receipts)), accepted)
    tell(
        f"The loss is accepted and recorded as segment {number}. `overnight verify` still reports older receipts in "
        f"`{file.receipts}`; move them to another file when they are of no more use."
    )


async def check_or_accept(
    ledger: ParquetLedger, file: CampaignFile, why: str | None, clock: Clock, tell: Callable[[str], None]
) -> None:
    """Refuse a ledger that is not what its newest receipt says, unless a person has said why to go on."""
    if why is None:
        await check_newest_receipt(ledger, file)
    else:
        await accept_loss(ledger, file, why, clock, tell)


def _newest(file: CampaignFile) -> Receipt | None:
    """Return the last line of the receipts that is whole, since lines are only added."""
    kept = () if file.receipts is None else read_receipts(Path(file.receipts)).kept
    return kept[-1] if kept else None


async def _instead(ledger: ParquetLedger, hash_found: str | None) -> str:
    if hash_found is not None:
        return "another file, so that the ledger was written anew or belongs to another run of the campaign"
    newest = await asyncio.to_thread(ledger.chain.newest, 0)
    return f"that the ledger ends with segment {newest}" if newest else "no ledger there at all"
