"""Reads segments, whole thousands of them from their blocks."""

from collections.abc import Iterator

from storage import blocks
from storage.blocks import Blocks
from storage.chain import Chain, Link
from storage.ledger import Segment


def read_segments(chain: Chain, kept: Blocks, after: int) -> Iterator[Segment]:
    """Return the segments above `after`; raises LedgerDamaged naming the first file that is not as it should be."""
    newest, known = chain.newest(after), None
    block_begins = -(-after // blocks.SIZE) * blocks.SIZE
    if newest - block_begins >= blocks.SIZE:
        yield from map(_segment, chain.links(after, to=block_begins))
        after = block_begins
        for block in kept.after(block_begins):
            for number, events in block.segments():
                yield Segment(number, events)
            after, known = block.last, block.hash
    yield from map(_segment, chain.links(after, previous=known, to=max(newest, after)))


def _segment(link: Link) -> Segment:
    return Segment(link.file.number, link.file.events)
