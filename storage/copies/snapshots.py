"""Snapshots: all trials as of a segment, with a column for each parameter and metric.

A snapshot may be deleted at any time; the segments stay the truth.
"""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from overnight.campaign import History
from overnight.campaign.history.events import Event
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.segments.chain import Chain
from overnight.storage.segments.segment_file import UNREADABLE, damaged, refuse_newer, same_rows
from overnight.storage.stores.store import ObjectExists, ObjectMissing, ObjectStore

# Version 1 leaves out parameters that were never active.
_FORMAT, _VERSION, _OLDER = "overnight-snapshot", "2", "1"
_LEAST_SEGMENTS = 250
_NAME = re.compile(r"trials-(\d{20})\.parquet")
_REMEDY = "Delete it: the segments contain everything in it."


@dataclass(frozen=True)
class Snapshot:
    """The trials as of segment `segment`: the hash of its file, the number of events up to it, and the table.

    In `version` 1, the table has only the parameters that points have.
    """

    name: str
    segment: int
    hash: str
    events: int
    trials: pa.Table
    version: str = _VERSION

    def check(self, history: History, events: int, hash_found: str) -> None:
        """Raise LedgerDamaged unless the snapshot agrees with the history and the number of events up to it."""
        told = (self.hash, self.events) == (hash_found, events)
        if not told or not same_rows(self.trials, trial_table(history, only_used=self.version == _OLDER)):
            raise damaged(self.name, "the contents of its segments", "other contents", _REMEDY)


class Snapshots:
    """The files under `prefix` + `snapshots/`, each named after the last segment that it covers."""

    def __init__(self, store: ObjectStore, prefix: str, chain: Chain) -> None:
        self._store = store
        self._folder = f"{prefix}snapshots/"
        self._chain = chain

    def numbers(self) -> list[int]:
        """Return the segments that have a snapshot; raises LedgerDamaged for a file without the name of a snapshot."""
        found = []
        for key in self._store.keys(self._folder):
            name = _NAME.fullmatch(key.rpartition("/")[2])
            if name is None or self._key(int(name[1])) != key:
                raise damaged(
                    f"{self._store.location}/{key}",
                    "only snapshots there",
                    "a file without the name of a snapshot",
                    "Move it out of the ledger.",
                )
            found.append(int(name[1]))
        return found

    def name(self, segment: int) -> str:
        """Return the path or address of the snapshot of this segment."""
        return f"{self._store.location}/{self._key(segment)}"

    def is_due(self, segment: int) -> bool:
        """Return whether the ledger has at least doubled since the newest snapshot."""
        newest = max(self.numbers(), default=0)
        return segment - newest >= max(_LEAST_SEGMENTS, newest)

    def make(self, segment: int, events: Sequence[Event]) -> None:
        """Store all trials as they are after these events, which lead up to this segment."""
        if segment in self.numbers():
            return
        data = _encode(segment, self._chain.tip(segment).hash, len(events), trial_table(History.from_events(events)))
        # Another process may have made the same snapshot.
        with suppress(ObjectExists):
            self._store.create(self._key(segment), data)

    def read(self, segment: int) -> Snapshot | None:
        """Return a snapshot; None if it no longer exists.

        Raises LedgerDamaged if it cannot be read, LedgerTooNew if a newer version of Overnight wrote it.
        """
        name = self.name(segment)
        try:
            data = self._store.get(self._key(segment))
        except ObjectMissing:
            return None
        try:
            file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
            said = {k.decode(): v.decode() for k, v in (file.metadata.metadata or {}).items()}
            if said["format"] != _FORMAT or said["segment"] != str(segment):
                raise ValueError(f"its metadata is format {said['format']}, segment {said['segment']}")
            version = said["schema_version"]
            refuse_newer(version, _VERSION, name)
            if version not in (_VERSION, _OLDER):
                raise ValueError(f"its metadata is schema version {version}")
            return Snapshot(name, segment, said["hash"], int(said["events"]), file.read(use_threads=False), version)
        except UNREADABLE as problem:
            raise damaged(name, "a complete snapshot", f"one that cannot be read ({problem})", _REMEDY) from problem

    def _key(self, segment: int) -> str:
        return f"{self._folder}trials-{segment:020d}.parquet"


def _encode(segment: int, hash_found: str, events: int, trials: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, trials.schema, compression="zstd", write_page_checksum=True) as writer:
        writer.write_table(trials)
        writer.add_key_value_metadata(
            {
                "format": _FORMAT,
                "schema_version": _VERSION,
                "segment": str(segment),
                "hash": hash_found,
                "events": str(events),
            }
        )
    return sink.getvalue().to_pybytes()
