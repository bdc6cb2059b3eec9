"""Proves that a ledger is whole: each file by the next one, and the newest by receipts that are kept elsewhere."""

import os
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from campaign import garbage
from campaign.errors import LedgerDamaged, LedgerError
from storage import blocks
from storage.parquet_ledger import ParquetLedger
from storage.segment_file import check_columns


class Receipt(BaseModel):
    """That segment `segment` of a ledger had this hash at this time, and with it all that came before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ledger: str
    segment: int = Field(ge=1)
    events: int = Field(ge=0)
    hash: str = Field(pattern="^[0-9a-f]{64}$")
    time: datetime


class Verification(BaseModel):
    """What was found whole: the number and hash of the newest segment and how many events lead to it.

    Only a receipt can tell that no tail was cut and nothing was written anew, so `anchored` is the newest segment that
    a receipt names, 0 without one. Up to `unlinked`, segments of version 1 do not name what they follow.
    """

    model_config = ConfigDict(frozen=True)

    segment: int = 0
    hash: str = ""
    events: int = 0
    unlinked: int = 0
    anchored: int = 0


def verify(ledger: ParquetLedger, receipts: Sequence[Receipt] = ()) -> Verification:
    """Return what the whole ledger amounts to.

    Raises LedgerDamaged naming the first file that is missing, torn, foreign, altered or out of order, whose columns
    say other things than its events, or that is not the one of a receipt, and any block that says other things than
    its segments; LedgerError where it cannot be read.
    """
    expected = defaultdict[int, list[Receipt]](list)
    for receipt in receipts:
        expected[receipt.segment].append(receipt)
    found = Verification(anchored=max(expected, default=0))
    links = ledger.chain.links(0)
    while run := list(islice(links, blocks.SIZE)):
        with garbage.left_alone():
            check_columns([link.file for link in run])
        ledger.blocks.compare(run)
        for link in run:
            number, events = link.file.number, found.events + link.file.count
            for receipt in expected[number]:
                _compare(receipt, link.hash, events, link.file.name)
            unlinked = number if link.file.previous is None else found.unlinked
            found = Verification(
                segment=number, hash=link.hash, events=events, unlinked=unlinked, anchored=found.anchored
            )
    ledger.blocks.check_that_none_is_beyond(found.segment)
    if found.anchored > found.segment:
        raise LedgerDamaged(
            f"ledger file `{ledger.chain.name(found.anchored)}`: expected it, because a receipt of "
            f"{expected[found.anchored][0].time:%Y-%m-%d %H:%M} names it, found that the ledger ends with segment "
            f"{found.segment}. Its end was cut: restore the files from a copy."
        )
    return found


def _compare(receipt: Receipt, hash_found: str, events: int, file: str) -> None:
    if (receipt.hash, receipt.events) != (hash_found, events):
        raise LedgerDamaged(
            f"ledger file `{file}`: expected the hash {receipt.hash} of the receipt of {receipt.time:%Y-%m-%d %H:%M}, "
            f"which was made for `{receipt.ledger}`, found {hash_found}. Unless that is another ledger, this one was "
            "written anew: compare it with a copy."
        )


def receipt_of(found: Verification, location: str, now: datetime) -> Receipt:
    """Return what to keep elsewhere, so that the ledger up to here can be told from any other."""
    return Receipt(ledger=location, segment=found.segment, events=found.events, hash=found.hash, time=now)


def read_receipts(file: Path) -> tuple[Receipt, ...]:
    """Return the receipts in the file, one JSON object a line; none where there is no file.

    Raises LedgerError for a line that is none, and where the file cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as problem:
        raise LedgerError(f"receipts `{file}`: cannot be read: {problem}. Restore the file, or name another.") from None
    return tuple(_receipt(file, number, line) for number, line in enumerate(lines, start=1) if line.strip())


def add_receipt(file: Path, receipt: Receipt) -> None:
    """Add a line to the file and return when it is on the disk; raises LedgerError where it cannot be written."""
    try:
        with file.open("ab+") as lines:
            whole = lines.tell() == 0 or os.pread(lines.fileno(), 1, lines.tell() - 1) == b"\n"
            lines.write((b"" if whole else b"\n") + receipt.model_dump_json().encode() + b"\n")
            lines.flush()
            os.fsync(lines.fileno())
    except OSError as problem:
        raise LedgerError(f"receipts `{file}`: cannot be written: {problem.strerror}. Name another file.") from problem


def _receipt(file: Path, number: int, line: str) -> Receipt:
    try:
        return Receipt.model_validate_json(line)
    except ValidationError as problem:
        raise LedgerError(
            f"receipts `{file}`, line {number}: expected a receipt as `overnight verify --receipts` writes it, found "
            f"something else ({problem.errors()[0]['msg']}). Restore the file, or name another one."
        ) from None
