"""Prove that a chain of operations is complete and unaltered, as `verify` proves it of events."""

import json
from collections import deque
from collections.abc import Sequence

from overnight.storage.operations import OperationLog
from overnight.storage.operations.bundles import SIZE
from overnight.storage.operations.operation_file import BEGINNING, OperationFile
from overnight.storage.proofs.receipts import Receipt
from overnight.storage.proofs.verify import Verification, check_end, compare
from overnight.storage.segments.segment_file import RESTORE, damaged


def verify_operations(log: OperationLog, receipts: Sequence[Receipt] = ()) -> Verification:
    """Verify every file of the chain, and return its state, with operations as its events.

    Raises LedgerDamaged with the name of the first file that is missing, torn, foreign, altered or out of order, or
    that contradicts a receipt or a bundle; LedgerTooNew if a newer version wrote a file, and LedgerError if a file
    cannot be read.
    """
    newest_receipt = max(receipts, key=lambda receipt: receipt.segment, default=None)
    # Bundles are listed before the segments, because another process may append and make more of them.
    bundles = set(log.bundles.numbers())
    before, recent = BEGINNING, deque[OperationFile](maxlen=SIZE)
    for file in log.files(0, log.last()):
        log.check(file, before)
        if not all(map(_is_json, file.lines)):
            raise damaged(log.name(file.number), "lines of JSON", "another one", RESTORE)
        for receipt in receipts:
            if receipt.segment == file.number:
                compare(receipt, file.hash, file.end, log.name(file.number))
        before = file
        recent.append(file)
        if file.number in bundles and log.bundles.read(file.number) != [*recent]:
            remedy = "Remove it: it is only a copy, and is made again."
            raise damaged(log.bundles.name(file.number), "the bytes of its segments", "others", remedy)
    for number in bundles:
        if number > before.number:
            lost = log.name(before.number + 1)
            raise damaged(lost, f"it, because `{log.bundles.name(number)}` holds it", "no such file", RESTORE)
    check_end(newest_receipt, before.number, log.name)
    return Verification(
        segment=before.number,
        hash=before.hash if before.number else "",
        events=before.end,
        anchored=newest_receipt.segment if newest_receipt else 0,
        anchored_events=newest_receipt.events if newest_receipt else 0,
    )


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
