"""`overnight verify` tells whether the ledger is whole and whether it is the one that it was."""

from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from campaign.errors import LedgerDamaged, LedgerError
from flows.campaign_file import load_campaign_file
from flows.clock import SystemClock
from storage import Verification, add_receipt, ledger_location, open_ledger, read_receipts, receipt_of, verify

_DAMAGED, _UNREADABLE = 1, 2


def verify_ledger(place: str, receipts: Path | None) -> None:
    """Print what was found; exit with 1 if the ledger is damaged and 2 if it, or its receipts, cannot be read.

    A whole ledger's newest segment is added to `receipts` unless it is there.
    """
    console = Console(highlight=False, soft_wrap=True)
    try:
        url, name = _ledger_of(place)
        location = ledger_location(url, name, Path())
        found = verify(open_ledger(url, name, Path()), read_receipts(receipts) if receipts else ())
        if not found.segment:
            raise LedgerError(f"{location}: expected a campaign's ledger, found nothing.")
        if receipts and found.segment > found.anchored:
            add_receipt(receipts, receipt_of(found, location, SystemClock().now()))
    except LedgerDamaged as problem:
        console.print(f"[red]damaged[/]: {escape(str(problem))}")
        raise typer.Exit(_DAMAGED) from None
    except LedgerError as problem:
        console.print(f"[red]cannot tell[/]: {escape(str(problem))}")
        raise typer.Exit(_UNREADABLE) from None
    console.print(f"[green]whole[/]: {escape(location)}")
    for line in _remarks(found, receipts):
        console.print(line, markup=False)


def _ledger_of(place: str) -> tuple[str, str]:
    """Return the address of the ledgers and the campaign's name, from the campaign's file or its folder."""
    if "://" not in place and not Path(place).is_dir():
        file = load_campaign_file(Path(place))
        return file.ledger, file.campaign.name
    if "://" not in place:
        place = str(Path(place).resolve())
    url, _, name = place.rstrip("/").rpartition("/")
    if url.endswith(":/") or not name:
        raise LedgerError(f"{place}: expected the folder of one campaign, such as `{place.rstrip('/')}/bread`.")
    return url or "/", name


def _remarks(found: Verification, receipts: Path | None) -> Iterator[str]:
    yield f"events: {found.events} in {found.segment} segments, each as the next one found it"
    yield f"head: {found.hash} (segment {found.segment})"
    if found.unlinked:
        yield f"segments 1 to {found.unlinked} are of version 1, whose order and bytes nothing but their numbers holds"
    loose = found.segment - found.anchored
    if receipts is None:
        yield f"loose: all {loose} segments; without receipts a cut end, or a ledger written anew, looks the same"
    elif found.anchored:
        yield f"receipts: agree up to segment {found.anchored}; {loose} after it were loose until this one"
    else:
        yield f"receipts: this is the first; keep {receipts} where whoever writes the ledger cannot write"
