"""The finding of a verification, as lines for people."""

from collections.abc import Iterator
from pathlib import Path

from overnight.report.phrases.general import counted
from overnight.storage import Receipts, Verification


def verification_lines(
    found: Verification, receipts: Receipts, file: Path | None, *, demanded: bool = False, added: bool = False
) -> Iterator[str]:
    """Yield what was found in a whole ledger, and how far the receipts in `file` prove it.

    `demanded` means that all of them had to be signed with one key, `added` that one has just been added.
    """
    yield f"events: {found.events} in {found.segment} segments, each as recorded in the next one"
    yield f"head: {found.hash} (segment {found.segment})"
    if found.unlinked:
        yield f"segments 1 to {found.unlinked} are of version 1: only numbers show their order, and no hash their bytes"
    for number in receipts.torn:
        yield f"receipts: line {number} of {file} was cut off while it was written and proves nothing; remove it"
    if file and (found.anchored or added):
        yield _receipts_remark(found, receipts, file, demanded=demanded)
    elif file:
        yield f"receipts: {file} holds no receipt yet"
    yield _tail_remark(found, file, added=added)


def _receipts_remark(found: Verification, receipts: Receipts, file: Path, *, demanded: bool) -> str:
    if not found.anchored:
        return f"receipts: this is the first; keep {file} in a place that writers of the ledger cannot change"
    by = "the demanded key" if demanded else "the key that each names"
    count = sum(receipt.signature is not None for receipt in receipts.kept)
    return (
        f"receipts: {len(receipts.kept)} agree up to segment {found.anchored}"
        f"{f', {count} of them signed by {by}' if count else ''}"
    )


def _tail_remark(found: Verification, file: Path | None, *, added: bool) -> str:
    """Return a line on the segments that no receipt covers."""
    segments = found.segment - found.anchored
    if not segments:
        return "loose: nothing"
    since = f" since {found.loose_since:%Y-%m-%d %H:%M} UTC" if found.loose_since else ""
    tail = f"{counted(segments, 'segment')} with {counted(found.events - found.anchored_events, 'event')}{since}"
    if file is None:
        return f"loose: all {tail}; without receipts, a ledger with its end cut off, or a rewritten one, looks the same"
    return f"loose: {tail}, {'before the receipt that was just added' if added else 'after the last receipt'}"
