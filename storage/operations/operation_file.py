"""The file of one append: a line of JSON about the file, which has the hash of the file before, and one per operation.

A number that is not finite is written as `NaN`, `Infinity` or `-Infinity`, as Python writes it.
"""

import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from overnight.campaign.errors import LedgerError
from overnight.storage.segments.segment_file import GENESIS, LARGEST_EVENT, RESTORE, damaged, digest, refuse_newer

Operation = dict[str, Any]
_FORMAT = "overnight-operations"
_VERSION = "1"


@dataclass(frozen=True)
class OperationFile:
    """The bytes of a segment with the number of operations before it, its own operations, and the hash before it."""

    number: int
    first: int
    lines: tuple[str, ...]
    previous: str
    data: bytes

    @property
    def hash(self) -> str:
        """Return the hash that the next segment records."""
        return digest(self.data)

    @property
    def end(self) -> int:
        """Return the number of operations up to this segment."""
        return self.first + len(self.lines)


BEGINNING = OperationFile(0, 0, (), "", b"")


def hash_after(file: OperationFile) -> str:
    """Return the hash that the segment after this one records; before the first one there is none."""
    return file.hash if file.number else GENESIS


def encode(operations: Sequence[Operation], before: OperationFile) -> OperationFile:
    """Return the file of a segment; raises TypeError if an operation is no JSON, and LedgerError if one is huge."""
    lines = tuple(json.dumps(operation, separators=(",", ":")) for operation in operations)
    for line in lines:
        if len(line) > LARGEST_EVENT:
            raise LedgerError(
                f"an operation: expected at most {LARGEST_EVENT // 2**20} MiB, found {len(line) / 2**20:,.0f} MiB. It "
                "was not written. Keep large data in a file, and record its path."
            )
    head = {
        "format": _FORMAT,
        "version": _VERSION,
        "segment": before.number + 1,
        "previous": hash_after(before),
        "before": before.end,
        "operations": len(lines),
        # No two appends write the same bytes, so a writer recognises its own file.
        "append": secrets.token_hex(8),
    }
    text = "\n".join((json.dumps(head, separators=(",", ":")), *lines, ""))
    return OperationFile(before.number + 1, before.end, lines, hash_after(before), text.encode())


def decode(data: bytes, number: int, name: str) -> OperationFile:
    """Return the bytes as the file of segment `number`; raises LedgerDamaged or LedgerTooNew with the file's name."""
    file, *others = split(data, number, name)
    if others:
        raise damaged(name, "one segment", "several", RESTORE)
    return file


def split(data: bytes, first: int, name: str) -> Iterator[OperationFile]:
    """Yield the files of consecutive segments from their bytes, one after the other; raises as `decode` does."""
    start, number = 0, first
    while start < len(data) or number == first:
        file = _first_of(data, start, number, name)
        yield file
        start, number = start + len(file.data), number + 1


def _first_of(data: bytes, start: int, number: int, name: str) -> OperationFile:
    end = data.find(b"\n", start) + 1
    try:
        head = json.loads(data[start:end])
        said = {key: str(head.get(key, "nothing")) for key in ("format", "version", "segment")}
    except (ValueError, AttributeError):
        raise damaged(name, "a line of JSON about the segment", "another one", RESTORE) from None
    if said["format"] != _FORMAT:
        raise damaged(name, f"format {_FORMAT}", said["format"], "Move it elsewhere: it is not part of this chain.")
    refuse_newer(said["version"], _VERSION, name)
    if (said["version"], said["segment"]) != (_VERSION, str(number)):
        found = f"version {said['version']} of segment {said['segment']}"
        raise damaged(name, f"version {_VERSION} of segment {number}", found, RESTORE)
    try:
        for _ in range(int(head["operations"])):
            end = data.index(b"\n", end) + 1
        part = data[start:end]
        lines = tuple(part.decode().split("\n")[1:-1])
        return OperationFile(number, int(head["before"]), lines, str(head["previous"]), part)
    except (ValueError, KeyError, TypeError) as problem:
        raise damaged(name, "a complete segment", f"one that cannot be read ({problem})", RESTORE) from None


def follows(file: OperationFile, before: OperationFile) -> bool:
    """Return whether a segment records the hash and the number of operations of the segment before it."""
    return (file.previous, file.first) == (hash_after(before), before.end)
