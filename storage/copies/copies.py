"""Write blocks and snapshots in the background of appends."""

from contextlib import suppress
from threading import Thread

from overnight.campaign.errors import OvernightError
from overnight.storage.copies.blocks import Blocks
from overnight.storage.copies.reading import read_segments
from overnight.storage.copies.snapshots import Snapshots
from overnight.storage.segments.chain import Chain
from overnight.storage.stores.store import ObjectStore

_EVERY = 250


class Copies:
    """The copies of one ledger's segments. The ledger is complete without them, and failed copies are made later."""

    def __init__(self, store: ObjectStore, prefix: str) -> None:
        # One reader needs no threads, which cannot be started once the process is ending.
        self._chain = Chain(store, prefix, readers=1)
        # The ledger itself warns when it reads.
        self._blocks = Blocks(store, prefix, self._chain, warn=lambda problem: None)
        self._snapshots = Snapshots(store, prefix, self._chain)
        self._made = 0

    def make_if_due(self, segment: int) -> None:
        """Make missing copies in a thread after every few hundred segments; the process ends only when it is done."""
        if segment // _EVERY > self._made:
            self._made = segment // _EVERY
            Thread(target=self._make, args=(segment,), name="copies").start()

    def make_last(self, segment: int) -> None:
        """Make missing blocks, and a snapshot of this segment."""
        self._make(segment, in_any_case=True)

    def _make(self, segment: int, *, in_any_case: bool = False) -> None:
        with suppress(OvernightError):
            self._blocks.make_missing()
        with suppress(OvernightError):
            if in_any_case or self._snapshots.is_due(segment):
                segments = read_segments(self._chain, self._blocks, 0)
                events = [event for found in segments if found.number <= segment for event in found.events]
                self._snapshots.make(segment, events)
