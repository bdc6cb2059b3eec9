"""The seeds of the gate: one block for development, and a fresh block for every look at a change.

`fresh_blocks.jsonl` records which blocks were given to which change, when and why. A block that was looked at is never
fresh again.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.quality.results import alone

SIZE = 32
DEVELOPMENT = range(100, 100 + SIZE)
FIRST_FRESH = 1000


@dataclass(frozen=True)
class FreshBlock:
    """Fresh seeds given to a change: to these two sides of it, computed by this code.

    `why` is the reason for another look at the change. `looked` is the time at which its verdict was printed.
    """

    change: str
    first: int
    sides: str
    code: str
    opened: str
    why: str | None = None
    looked: str | None = None

    @property
    def seeds(self) -> range:
        """Return the seeds."""
        return range(self.first, self.first + SIZE)


class FreshBlocks:
    """The record of all fresh blocks."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "fresh_blocks.jsonl"

    def all(self) -> list[FreshBlock]:
        """Return every block that was given, the oldest first."""
        return [FreshBlock(**json.loads(line)) for line in self._lines()]

    def of(self, change: str) -> list[FreshBlock]:
        """Return the blocks that a change was given, the oldest first."""
        return [block for block in self.all() if block.change == change]

    def open(self, change: str, sides: str, code: str, opened: str, why: str | None) -> FreshBlock:
        """Give the next block to a change."""
        with alone(self.path.parent):
            blocks = self.all()
            first = max((block.seeds.stop for block in blocks), default=FIRST_FRESH)
            new = FreshBlock(change, first, sides, code, opened, why)
            self._write([*blocks, new])
        return new

    def mark_looked(self, block: FreshBlock, looked: str) -> None:
        """Record that a block's verdict was printed."""
        with alone(self.path.parent):
            self._write([replace(each, looked=looked) if each.first == block.first else each for each in self.all()])

    def _lines(self) -> list[str]:
        return self.path.read_text().splitlines() if self.path.exists() else []

    def _write(self, blocks: Sequence[FreshBlock]) -> None:
        unfinished = self.path.with_suffix(".unfinished")
        unfinished.write_text("".join(json.dumps(asdict(block)) + "\n" for block in blocks))
        os.replace(unfinished, self.path)
