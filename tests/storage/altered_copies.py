"""Alter the copies of a ledger's segments, and count the readers that believed an altered copy or failed because of it.

The segments are the truth and stay unchanged; the copies under `compact/` only make reading faster.
"""

import asyncio
import io
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from damages import Files, Place, damaged_by, opened, what_verify_says
from event_samples import EVENTS, NOON, started

from overnight.campaign.errors import OvernightError
from overnight.storage import Receipt, receipt_of, verify
from overnight.storage.copies import blocks

_FOLDER = "compact/"
Alteration = Callable[[Files, random.Random], dict[str, bytes | None]]


@dataclass(frozen=True)
class Altered:
    """The effects of alterations: readers that believed a copy or failed, and alterations that verify named."""

    injected: int
    believed: int
    ended: int
    named: int
    missed: str = ""

    @property
    def kept(self) -> bool:
        """Return whether no reader was deceived or failed, and every alteration was named."""
        return not self.believed and not self.ended and self.named == self.injected


def _flipped(files: Files, dice: random.Random) -> dict[str, bytes | None]:
    name = dice.choice(_copies(files))
    data = bytearray(files[name])
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return {name: bytes(data)}


def _cut_short(files: Files, dice: random.Random) -> dict[str, bytes | None]:
    name = dice.choice(_copies(files))
    return {name: files[name][: dice.randrange(len(files[name]))]}


def _edited(files: Files, dice: random.Random) -> dict[str, bytes | None]:
    """Change the actor of one event, in a file whose checksums are valid and whose metadata is kept."""
    name = dice.choice(_copies(files))
    table = pq.read_table(io.BytesIO(files[name]))
    bodies = table["body"].to_pylist()
    row = dice.randrange(len(bodies))
    bodies[row] = json.dumps({**json.loads(bodies[row]), "actor": "somebody else"})
    return {name: _rewritten(files[name], table.set_column(table.schema.get_field_index("body"), "body", [bodies]))}


def _without_a_row(files: Files, dice: random.Random) -> dict[str, bytes | None]:
    name = dice.choice(_copies(files))
    table = pq.read_table(io.BytesIO(files[name]))
    row = dice.randrange(table.num_rows)
    return {name: _rewritten(files[name], pa.concat_tables([table.slice(0, row), table.slice(row + 1)]))}


def _rewritten(data: bytes, table: pa.Table) -> bytes:
    before = pq.ParquetFile(io.BytesIO(data))
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, before.schema_arrow, write_page_checksum=True, store_schema=False) as writer:
        writer.write_table(table.cast(before.schema_arrow))
        writer.add_key_value_metadata(before.metadata.metadata)
    return sink.getvalue()


ALTERATIONS: Mapping[str, Alteration] = {
    "a bit flipped in a copy": _flipped,
    "a copy cut short": _cut_short,
    "an event edited in a copy, whose checksums are made again": _edited,
    "a row taken out of a copy, whose checksums are made again": _without_a_row,
}


def make_ledger_with_copies(place: Place) -> None:
    """Write a ledger with one block of segments and a few segments after it."""
    ledger = opened(place)
    asyncio.run(ledger.append(EVENTS, after=0))
    for number in range(2, blocks.SIZE + 9):
        asyncio.run(ledger.append([started(number)], after=number - 1))
    ledger.blocks.make_missing()


def alter(place: Place, kind: str, times: int, seed: int) -> Altered:
    """Alter a copy the given number of times, read the ledger as a new process each time, and restore the files."""
    dice, files = random.Random(seed), place.read()
    truth, receipt = _read(place), _receipt(place)
    believed = ended = named = 0
    missed = ""
    for _ in range(times):
        changes = ALTERATIONS[kind](files, dice)
        with damaged_by(place, files, changes):
            try:
                wrong = _read(place) != truth
            except OvernightError as problem:
                ended, missed = ended + 1, missed or str(problem)
            else:
                believed += wrong
            said = what_verify_says(place, receipt)
        found = any(name in said for name in changes)
        named, missed = named + found, missed or ("" if found else f"{list(changes)}: {said}")
    return Altered(times, believed, ended, named, missed)


def _copies(files: Files) -> list[str]:
    # A copy that is still being written has a temporary name, and no reader looks at it.
    return sorted(name for name in files if name.startswith(_FOLDER) and "/.tmp-" not in name)


def _read(place: Place) -> str:
    return repr([(segment.number, segment.events) for segment in asyncio.run(opened(place).read())])


def _receipt(place: Place) -> Receipt:
    return receipt_of(verify(opened(place)), "here", NOON)
