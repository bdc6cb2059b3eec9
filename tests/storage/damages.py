"""Damage a ledger's files in turn, and count the damages that were found and named, and the events that were lost.

The head is kept in a receipt, as `docs/how-to/verify.md` advises: without a receipt, the loss of the newest segment
leaves no trace.
"""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from botocore.client import BaseClient
from event_samples import EVENTS, NOON, started

from overnight.campaign.errors import LedgerError
from overnight.storage import LocalStore, ObjectStore, ParquetLedger, Receipt, Segment, receipt_of, verify
from overnight.storage.segments.segment_file import decode
from overnight.storage.stores.s3_store import S3Store

_NAME = "bread"
_SEGMENTS = 8
Files = dict[str, bytes]


class Place(Protocol):
    """The location of one ledger's files, seen from outside the ledger."""

    @property
    def store(self) -> ObjectStore:
        """Return the store that a ledger uses."""
        ...

    def read(self) -> Files:
        """Return the bytes of each file by its path below the ledger."""
        ...

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        """Write these bytes to these paths; None deletes the file."""
        ...


@dataclass(frozen=True)
class Folder:
    """A Place in a directory."""

    store: LocalStore

    def read(self) -> Files:
        root = Path(self.store.location, _NAME)
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        for name, data in changes.items():
            path = Path(self.store.location, _NAME, name)
            path.unlink(missing_ok=True)
            if data is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)


@dataclass(frozen=True)
class Bucket:
    """A Place in a bucket."""

    store: S3Store
    client: BaseClient

    def read(self) -> Files:
        bucket, prefix = self._where()
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {key.removeprefix(prefix): self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def write(self, changes: Mapping[str, bytes | None]) -> None:
        bucket, prefix = self._where()
        for name, data in changes.items():
            if data is None:
                self.client.delete_object(Bucket=bucket, Key=prefix + name)
            else:
                self.client.put_object(Bucket=bucket, Key=prefix + name, Body=data)

    def _where(self) -> tuple[str, str]:
        bucket, _, prefix = self.store.location.removeprefix("s3://").partition("/")
        return bucket, f"{prefix}/{_NAME}/"


@dataclass(frozen=True)
class Damage:
    """The changes to files, and the files of which one has to be named."""

    changes: Mapping[str, bytes | None]
    culprits: Sequence[str]


@dataclass(frozen=True)
class Findings:
    """The effects of some damages: how many were found with a file named, the events lost, and the ledgers left broken.

    `lost` counts events in untouched files that could not be read from these files alone. `unmended` counts ledgers
    that, after the files were put back, did not verify against the receipt again.
    """

    injected: int
    named: int
    lost: int
    unmended: int
    missed: str = ""

    @property
    def kept(self) -> bool:
        """Return whether every damage was found and nothing was lost."""
        return self.named == self.injected and not self.lost and not self.unmended


def _flipped(files: Files, dice: random.Random) -> Damage:
    name = dice.choice(sorted(files))
    data = bytearray(files[name])
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return Damage({name: bytes(data)}, [name])


def _deleted(files: Files, dice: random.Random) -> Damage:
    name = dice.choice(sorted(files))
    return Damage({name: None}, [name])


def _truncated(files: Files, dice: random.Random) -> Damage:
    name = dice.choice(sorted(files))
    return Damage({name: files[name][: dice.randrange(len(files[name]))]}, [name])


def _duplicated(files: Files, dice: random.Random) -> Damage:
    name, copy = dice.choice(sorted(files)), _segment(len(files) + 1)
    return Damage({copy: files[name]}, [copy])


def _renamed(files: Files, dice: random.Random) -> Damage:
    """Rename a segment to another's number, replacing that file, to the next number, or to a name without a number."""
    name = dice.choice(sorted(files))
    others = [other for other in (*files, _segment(len(files) + 1), f"{name}.bak") if other != name]
    to = dice.choice(others)
    return Damage({name: None, to: files[name]}, [name, to])


def _foreign(files: Files, dice: random.Random) -> Damage:
    folder = dice.choice(["events/", "events/00000/", "events/00001/", "compact/"])
    name = folder + dice.choice(["notes.txt", "part-0.parquet", "1.parquet", ".DS_Store", "ü ber.csv", "_SUCCESS"])
    return Damage({name: dice.choice([b"", dice.randbytes(100), files[_segment(1)]])}, [name])


FLIPPED = "a bit flipped in a segment"
DAMAGES: Mapping[str, Callable[[Files, random.Random], Damage]] = {
    FLIPPED: _flipped,
    "a segment deleted": _deleted,
    "a segment cut short": _truncated,
    "a segment copied to the next number": _duplicated,
    "a segment renamed, also over another": _renamed,
    "a foreign file among the segments or blocks": _foreign,
}


def make_ledger(place: Place) -> None:
    """Write a ledger that holds an event of each kind, and a few more segments."""
    ledger = opened(place)
    asyncio.run(ledger.append(EVENTS, after=0))
    for number in range(2, _SEGMENTS + 1):
        asyncio.run(ledger.append([started(number)], after=number - 1))


def inject(place: Place, kind: str, times: int, seed: int) -> Findings:
    """Damage the ledger the given number of times, each time differently, and restore the files."""
    dice, files = random.Random(seed), place.read()
    ledger = opened(place)
    receipt, segments = receipt_of(verify(ledger), "here", NOON), asyncio.run(ledger.read())
    named = lost = unmended = 0
    missed = ""
    for _ in range(times):
        damage = DAMAGES[kind](files, dice)
        with damaged_by(place, files, damage.changes):
            said = what_verify_says(place, receipt)
            lost += _unreadable(place.read(), damage, segments)
        found = any(f"{place.store.location}/{_NAME}/{culprit}`" in said for culprit in damage.culprits)
        named += found
        missed = missed or ("" if found else f"{damage.culprits}: {said}")
        unmended += what_verify_says(place, receipt) != ""
    return Findings(times, named, lost, unmended, missed)


@contextmanager
def damaged_by(place: Place, files: Files, changes: Mapping[str, bytes | None]) -> Iterator[None]:
    """Change files for the duration of the context, then restore them."""
    place.write(changes)
    try:
        yield
    finally:
        place.write({name: files.get(name) for name in changes})


def what_verify_says(place: Place, receipt: Receipt) -> str:
    """Return the message of `verify`; empty if the ledger is whole."""
    try:
        verify(opened(place), [receipt])
    except LedgerError as problem:
        return str(problem)
    return ""


def _unreadable(files: Files, damage: Damage, segments: Sequence[Segment]) -> int:
    """Return how many events of untouched files cannot be read from these files."""
    missing = 0
    for segment in segments:
        name = _segment(segment.number)
        if name in damage.changes:
            continue
        try:
            read = decode(files[name], segment.number, name).events
        except (KeyError, LedgerError):
            read = ()
        missing += 0 if repr(read) == repr(segment.events) else len(segment.events)
    return missing


def opened(place: Place) -> ParquetLedger:
    """Return the ledger as seen by a process that has read nothing yet."""
    return ParquetLedger(place.store, f"{_NAME}/")


def _segment(number: int) -> str:
    return f"events/{number // 1000:05d}/{number:020d}.parquet"
