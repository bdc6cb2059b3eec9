"""A ledger in files: damage is named, an unfinished file is not damage, and anyone can query it."""

import re
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from event_samples import NOON, SEGMENTS, started

from overnight.campaign.errors import LedgerDamaged, LedgerError, LedgerTooNew
from overnight.storage import LocalStore, ParquetLedger, kept_campaigns, verify
from overnight.storage.segments.segment_file import GENESIS, digest, encode


def overwrite(path: Path, data: bytes) -> None:
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


async def damage(ledger: ParquetLedger, path: Path) -> str:
    """Return the ledger's error message, after checking that it names the file."""
    with pytest.raises(LedgerDamaged) as caught:
        await ledger.read()
    assert str(path) in str(caught.value)
    return str(caught.value)


async def is_damaged(ledger: ParquetLedger) -> bool:
    try:
        await ledger.read()
    except (LedgerDamaged, LedgerTooNew):
        return True
    return False


async def test_a_file_cut_anywhere_is_damage(ledger, file):
    whole = file(3).read_bytes()
    for length in [0, 1, *range(4, len(whole), 97), len(whole) - 1]:
        overwrite(file(3), whole[:length])
        assert "cannot be read" in await damage(ledger, file(3))


async def test_an_altered_file_is_named_by_what_the_next_one_followed(ledger, file):
    overwrite(file(2), encode(2, [started(22)], digest(file(1).read_bytes())).data)
    assert "was appended to, found other bytes. One of the two was altered" in await damage(ledger, file(2))


async def test_a_ledger_that_begins_in_the_middle_of_another_is_damage(ledger, file):
    overwrite(file(1), encode(1, [started(1)], "1" * 64).data)
    assert "expected a first segment, found one that follows another" in await damage(ledger, file(1))


async def test_a_flipped_byte_in_the_values_is_damage(ledger, file):
    whole = file(1).read_bytes()
    columns = pq.ParquetFile(pa.BufferReader(whole)).metadata.row_group(0)
    for index in range(columns.num_columns):
        column = columns.column(index)
        flipped = bytearray(whole)
        flipped[column.data_page_offset + column.total_compressed_size - 1] ^= 1
        overwrite(file(1), bytes(flipped))
        assert re.search("cannot be read|found other bytes", await damage(ledger, file(1)))


@pytest.mark.slow
@pytest.mark.parametrize("number", [3, SEGMENTS])
async def test_no_flipped_byte_changes_what_is_read(ledger, file, number):
    whole = file(number).read_bytes()
    expected = repr(await ledger.read())
    for position in range(0, len(whole), 7):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        overwrite(file(number), bytes(flipped))
        # No later segment vouches for the last one, so a byte between its pages may change unnoticed.
        if number == SEGMENTS and not await is_damaged(ledger):
            assert repr(await ledger.read()) == expected
        else:
            # A flipped version number may look like that of a newer Overnight.
            with pytest.raises((LedgerDamaged, LedgerTooNew), match=re.escape(str(file(number)))):
                await ledger.read()


async def test_a_missing_number_is_damage(ledger, file):
    file(3).unlink()
    said = await damage(ledger, file(3))
    assert "expected segment 3, found no such file" in said
    assert "Restore the file from a copy" in said


async def test_a_missing_first_number_is_damage(ledger, file):
    file(1).unlink()
    assert "expected segment 1, found no such file" in await damage(ledger, file(1))


async def test_swapped_files_are_damage(ledger, file):
    second, third = file(2).read_bytes(), file(3).read_bytes()
    overwrite(file(2), third)
    overwrite(file(3), second)
    assert "expected segment 2, found segment 3" in await damage(ledger, file(2))


async def test_a_copy_under_the_next_number_is_damage(ledger, file):
    overwrite(file(SEGMENTS + 1), file(SEGMENTS).read_bytes())
    said = await damage(ledger, file(SEGMENTS + 1))
    assert f"expected segment {SEGMENTS + 1}, found segment {SEGMENTS}" in said


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        "00000/00000000000000000003.parquet.bak",
        "00000/3.parquet",
        "00001/00000000000000000003.parquet",
        "00000/more/00000000000000000003.parquet",
        "00000/00000000000000000000.parquet",
        ".DS_Store",
    ],
)
async def test_a_foreign_file_is_damage(ledger, tmp_path, name):
    foreign = tmp_path / "bread/events" / name
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_bytes(b"hello")
    assert "Move it out of the ledger" in await damage(ledger, foreign)


async def test_a_parquet_file_of_somebody_else_is_damage(ledger, file):
    file(3).unlink()
    pq.write_table(pa.table({"x": [1]}), file(3))
    assert "expected format overnight-ledger, found nothing" in await damage(ledger, file(3))


def give_version(path: Path, version: str) -> None:
    """Replace a segment's file with one of this version that has an unknown column."""
    parquet = pq.ParquetFile(pa.BufferReader(path.read_bytes()))
    said = {**parquet.metadata.metadata, b"schema_version": version.encode()}
    table = parquet.read().append_column("mood", pa.array(["fine"]))
    path.unlink()
    pq.write_table(table.replace_schema_metadata(said), path)


async def test_a_segment_of_a_later_schema_is_no_damage_but_asks_for_an_upgrade(ledger, file):
    give_version(file(3), "4")
    with pytest.raises(LedgerTooNew, match=rf"{file(3)}.*schema version 3 or an older one, found 4.*Upgrade Overnight"):
        await ledger.read()
    with pytest.raises(LedgerTooNew, match="Upgrade Overnight"):
        verify(ledger)
    give_version(file(SEGMENTS), "4")
    [kept] = kept_campaigns(str(file(1).parents[3]), Path())
    assert "Upgrade Overnight" in kept.damage


@pytest.mark.parametrize("version", ["0", "two", ""])
async def test_a_segment_of_a_version_that_never_was_is_damage(ledger, file, version):
    give_version(file(3), version)
    assert "expected one of the schema versions 1, 2, 3, found" in await damage(ledger, file(3))


async def test_rows_of_another_number_are_damage(ledger, file):
    parquet = pq.ParquetFile(pa.BufferReader(file(3).read_bytes()))
    table = parquet.read().set_column(0, "segment", pa.array([2], pa.int64()))
    file(3).unlink()
    pq.write_table(table.replace_schema_metadata(parquet.metadata.metadata), file(3), store_schema=True)
    assert "its rows do not have the number of the file" in await damage(ledger, file(3))


async def test_what_a_killed_writer_left_unfinished_is_ignored(ledger, file):
    (file(3).parent / ".tmp-123-abc").write_bytes(b"PAR1 half a segm")
    assert [segment.number for segment in await ledger.read()] == [1, 2, 3, 4]
    assert await ledger.append([started(5)], after=4) == 5


async def test_older_files_are_not_read_again(ledger, file):
    overwrite(file(1), b"torn")
    assert [segment.number for segment in await ledger.read(after=2)] == [3, 4]


async def test_a_thousand_segments_lie_in_one_folder_and_the_next_in_another(tmp_path, file):
    store = LocalStore(tmp_path)
    ledger = ParquetLedger(store, "bread/")
    store.create("bread/events/00000/00000000000000000998.parquet", encode(998, [started(998)], GENESIS).data)
    for number in (999, 1000, 1001):
        await ledger.append([started(number)], after=number - 1)
    assert [segment.number for segment in await ledger.read(after=998)] == [999, 1000, 1001]
    assert [segment.number for segment in await ledger.read(after=1000)] == [1001]
    assert file(999).exists()
    assert file(1000).exists()


class StoreThatListsLate:
    """A LocalStore whose listing misses one file, as can happen if the file appears while the folder is listed."""

    def __init__(self, store: LocalStore, missed: str) -> None:
        self._store = store
        self._missed = missed
        self.location = store.location
        self.create = store.create
        self.get = store.get

    def keys(self, folder: str, *, start_after: str = "") -> tuple[str, ...]:
        return tuple(k for k in self._store.keys(folder, start_after=start_after) if not k.endswith(self._missed))


async def test_a_file_that_appears_while_the_folder_is_listed_is_no_gap(ledger, tmp_path):
    late = ParquetLedger(StoreThatListsLate(LocalStore(tmp_path), "3.parquet"), "bread/")
    assert [segment.number for segment in await late.read()] == [1, 2, 3, 4]


async def test_appending_to_a_ledger_that_was_deleted_meanwhile_is_refused(ledger, file):
    for number in range(1, SEGMENTS + 1):
        file(number).unlink()
    with pytest.raises(LedgerError, match="moved or deleted"):
        await ledger.append([started(5)], after=4)
    assert await ledger.read() == ()


async def test_nothing_is_appended_to_a_file_that_is_torn_or_was_exchanged(ledger, file, tmp_path):
    whole = file(SEGMENTS).read_bytes()
    overwrite(file(SEGMENTS), encode(SEGMENTS, [started(44)], digest(file(SEGMENTS - 1).read_bytes())).data)
    with pytest.raises(LedgerDamaged, match="expected the same bytes as before"):
        await ledger.append([started(5)], after=SEGMENTS)
    overwrite(file(SEGMENTS), whole[:-100])
    with pytest.raises(LedgerDamaged, match="cannot be read"):
        await ParquetLedger(LocalStore(tmp_path), "bread/").append([started(5)], after=SEGMENTS)
    overwrite(file(SEGMENTS), whole)
    assert await ledger.append([started(5)], after=SEGMENTS) == SEGMENTS + 1


async def test_the_files_can_be_queried_by_typed_columns(ledger, tmp_path):
    events = ds.dataset(tmp_path / "bread/events", format="parquet")
    observed = events.to_table(filter=(ds.field("kind") == "trial_observed") & (ds.field("seconds") > 0.05))
    assert observed["trial"].to_pylist() == [2]
    metrics = pc.list_flatten(observed["metrics"])
    named = dict(zip(pc.struct_field(metrics, "name").to_pylist(), pc.struct_field(metrics, "mean"), strict=True))
    assert named["burnt"].as_py() == 1 / 3
    parameters = pc.list_flatten(events.to_table(filter=ds.field("kind") == "trial_proposed")["parameters"])
    assert pc.sum(pc.struct_field(parameters, "number")).as_py() == 1.0
    assert pc.max(events.to_table(columns=["deadline"])["deadline"]).as_py() == NOON + timedelta(hours=1)
