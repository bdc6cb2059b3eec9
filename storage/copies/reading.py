"""Read segments, a thousand at a time from blocks if they match the chain."""

from collections.abc import Iterator

from overnight.storage.copies import blocks
from overnight.storage.copies.blocks import Block, Blocks
from overnight.storage.ledger import Segment
from overnight.storage.segments.chain import Chain, Link


def read_segments(chain: Chain, kept: Blocks, after: int) -> Iterator[Segment]:
    """Return the segments above `after`; raises LedgerDamaged with the name of the first file that is damaged."""
    for part in read_parts(chain, kept, after):
        yield from part.segments


def read_parts(chain: Chain, kept: Blocks, after: int) -> Iterator[Link | Block]:
    """Return the segments above `after` one by one, or a thousand as a block; raises as `read_segments` does.

    If a block is missing, cannot be checked or has other contents, its segments are read instead: they are the truth.
    """
    newest = chain.newest(after)
    begins = -(-after // blocks.SIZE) * blocks.SIZE
    if newest - begins < blocks.SIZE:
        yield from chain.links(after, to=max(newest, after))
        return
    yield from chain.links(after, to=begins)
    there, tip = kept.there(begins), chain.tip_below(begins, newest)
    for last in range(begins + blocks.SIZE, newest + 1, blocks.SIZE):
        if last in there and (block := kept.checked(tip, end := chain.tip_below(last, newest))) is not None:
            yield block
            tip = end
            continue
        for link in chain.links(tip.number, previous=tip.hash, to=last):
            yield link
            tip = link.tip
    yield from chain.links(tip.number, previous=tip.hash, to=newest)
