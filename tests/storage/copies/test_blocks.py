"""Blocks make reading fast without changing the result; a block that is unfinished, lost or damaged is made again."""

import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_samples import EVENTS, started

from overnight.campaign.errors import LedgerDamaged, LedgerTooNew
from overnight.storage import LocalStore, ParquetLedger, verify
from overnight.storage.copies import blocks, copies
from overnight.storage.segments.segment_file import GENESIS, decode, digest, encode

SIZE = 3
SEGMENTS = 8


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SIZE", SIZE)
    monkeypatch.setattr(copies, "_EVERY", SIZE)


@pytest.fixture
async def ledger(tmp_path: Path) -> ParquetLedger:
    ledger = ParquetLedger(LocalStore(tmp_path), "bread/")
    await ledger.append(EVENTS, after=0)
    for number in range(2, SEGMENTS + 1):
        await ledger.append([started(number), started(number + 100)], after=number - 1)
    finish_blocks()
    for block in (tmp_path / "bread/compact").iterdir():
        block.unlink()
    return ledger


def finish_blocks() -> None:
    """Wait for the background threads that make blocks."""
    for thread in threading.enumerate():
        if thread.name == "copies":
            thread.join()


def made(folder: Path) -> list[str]:
    return sorted(path.name.lstrip("0") for path in (folder / "bread/compact").glob("*.parquet"))


def as_text(segments) -> list[str]:
    return [repr(segment) for segment in segments]


async def test_blocks_are_made_of_whole_runs_of_segments_and_read_as_those(ledger, tmp_path):
    before = as_text(await ledger.read())
    ledger.blocks.make_missing()
    assert made(tmp_path) == ["1-00000000000000000003.parquet", "4-00000000000000000006.parquet"]
    assert as_text(await ledger.read()) == before
    assert as_text(await ledger.read(after=SIZE)) == before[SIZE:]
    assert as_text(await ledger.read(after=SIZE + 1)) == before[SIZE + 1 :]


async def test_appends_have_the_blocks_made_that_they_complete_and_those_that_are_missing(ledger, tmp_path):
    await ledger.append([started(9)], after=8)
    finish_blocks()
    assert [name.lstrip("-0") for name in made(tmp_path)] == [f"{n}-{n + SIZE - 1:020d}.parquet" for n in (1, 4, 7)]


async def test_segments_that_lie_in_a_block_are_not_opened(ledger, tmp_path):
    before = as_text(await ledger.read())
    ledger.blocks.make_missing()
    for number in (1, 2, 4):
        (tmp_path / f"bread/events/00000/{number:020d}.parquet").unlink()
    assert as_text(await ledger.read()) == before


async def test_a_lost_block_is_made_again_and_missed_by_nobody(ledger, tmp_path):
    before = as_text(await ledger.read())
    ledger.blocks.make_missing()
    first = tmp_path / "bread/compact" / "00000000000000000001-00000000000000000003.parquet"
    first.unlink()
    assert as_text(await ledger.read()) == before
    ledger.blocks.make_missing()
    assert first.exists()


async def test_the_chain_goes_on_after_a_block(ledger, tmp_path):
    ledger.blocks.make_missing()
    seventh = tmp_path / "bread/events/00000/00000000000000000007.parquet"
    whole = seventh.read_bytes()
    seventh.unlink()
    seventh.write_bytes(whole[:-1] + b"?")
    with pytest.raises(LedgerDamaged, match=str(seventh)):
        await ledger.read()


SECOND = "bread/compact/00000000000000000004-00000000000000000006.parquet"


def replace_file(file: Path, data: bytes) -> None:
    file.unlink()
    file.write_bytes(data)


def with_column(file: Path, column: str, values: list) -> bytes:
    """Return the bytes of a valid block with other values in one column."""
    parquet = pq.ParquetFile(file)
    rows = parquet.read()
    place = rows.schema.get_field_index(column)
    changed = rows.set_column(place, rows.schema.field(place), pa.array(values, rows.schema.field(place).type))
    said = {k: v for k, v in parquet.metadata.metadata.items() if not k.startswith(b"ARROW")}
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, changed.schema, write_page_checksum=True, store_schema=False) as writer:
        writer.write_table(changed)
        writer.add_key_value_metadata(said)
    return sink.getvalue().to_pybytes()


def a_bit_flipped(file: Path) -> bytes:
    """Return the bytes of a block with one bit of its events flipped."""
    group, whole = pq.ParquetFile(file).metadata.row_group(0), bytearray(file.read_bytes())
    [column] = [c for c in map(group.column, range(group.num_columns)) if c.path_in_schema == "body"]
    # Among the values: the rest of the column is only statistics, which no reader uses.
    whole[(column.dictionary_page_offset + column.data_page_offset) // 2] ^= 1
    return bytes(whole)


def another_body(file: Path) -> bytes:
    return with_column(file, "body", [body.replace("writer", "forger") for body in bodies(file)])


def bodies(file: Path) -> list[str]:
    return pq.read_table(file)["body"].to_pylist()


def numbers(file: Path) -> list[int]:
    return pq.read_table(file)["segment"].to_pylist()


ALTERED = {
    "a bit flipped": a_bit_flipped,
    "cut short": lambda file: file.read_bytes()[:-9],
    "empty": lambda file: b"",
    "another body": another_body,
    "two bodies swapped": lambda file: with_column(file, "body", bodies(file)[::-1]),
    "an event in another segment": lambda file: with_column(file, "segment", [4, *numbers(file)[:-1]]),
    "segments of another block": lambda file: with_column(file, "segment", [n + 100 for n in numbers(file)]),
    "no events": lambda file: with_column(file, "body", ["{}"] * len(bodies(file))),
    "another block": lambda file: file.with_name("00000000000000000001-00000000000000000003.parquet").read_bytes(),
    "a segment": lambda file: (file.parents[1] / "events/00000/00000000000000000004.parquet").read_bytes(),
}


@pytest.mark.parametrize("how", ALTERED)
async def test_an_altered_block_changes_nothing_of_what_is_read_and_is_said_once(ledger, tmp_path, how, caplog):
    before, rows = as_text(await ledger.read()), ledger.rows()
    ledger.blocks.make_missing()
    second = tmp_path / SECOND
    replace_file(second, ALTERED[how](second))
    for _ in range(2):
        assert as_text(await ledger.read()) == before
    assert ledger.rows().equals(rows)
    [warning] = caplog.messages
    assert str(second) in warning
    assert "Delete it: it is made again from the segments. The segments are read instead" in warning
    with pytest.raises(LedgerDamaged, match=str(second)):
        verify(ledger)
    second.unlink()
    ledger.blocks.make_missing()
    verify(ledger)


@pytest.mark.parametrize("column", ["trial", "kind", "time", "hash"])
async def test_columns_beside_the_events_are_made_anew_and_compared_by_verify(ledger, tmp_path, column):
    rows = ledger.rows()
    ledger.blocks.make_missing()
    second = tmp_path / SECOND
    replace_file(second, with_column(second, column, [None] * len(bodies(second))))
    assert ledger.rows().equals(rows)
    with pytest.raises(LedgerDamaged, match=str(second)):
        verify(ledger)


async def test_a_block_and_the_segment_that_vouches_for_it_cannot_be_altered_together_unnoticed(ledger, tmp_path):
    ledger.blocks.make_missing()
    segments = await ledger.read()
    forged = ParquetLedger(LocalStore(tmp_path / "forged"), "bread/")
    for segment in segments[: 2 * SIZE]:
        events = [started(1, "forger")] if segment.number == SIZE + 1 else segment.events
        await forged.append(events, after=segment.number - 1)
    forged.blocks.make_missing()
    for name in (SECOND, "bread/events/00000/00000000000000000006.parquet"):
        replace_file(tmp_path / name, (tmp_path / "forged" / name).read_bytes())
    with pytest.raises(LedgerDamaged, match=r"00000000000000000006.parquet`: expected the bytes that"):
        await ParquetLedger(LocalStore(tmp_path), "bread/").read()


async def test_segments_that_record_no_contents_are_read_themselves(ledger, tmp_path, caplog):
    for number in range(1, SEGMENTS + 1):
        path = tmp_path / f"bread/events/00000/{number:020d}.parquet"
        previous = GENESIS if number == 1 else digest(path.with_name(f"{number - 1:020d}.parquet").read_bytes())
        # As written by a version that did not record contents.
        written = encode(number, decode(path.read_bytes(), number, "").events, previous).data
        replace_file(path, without_contents(written))
    old = ParquetLedger(LocalStore(tmp_path), "bread/")
    before = as_text(await old.read())
    old.blocks.make_missing()
    replace_file(tmp_path / SECOND, another_body(tmp_path / SECOND))
    assert as_text(await old.read()) == before
    for number in range(SEGMENTS + 1, 4 * SIZE + 1):
        await old.append([started(number)], after=number - 1)
    finish_blocks()
    assert caplog.messages == []
    (tmp_path / "bread/events/00000/00000000000000000011.parquet").unlink()
    assert len(await ParquetLedger(LocalStore(tmp_path), "bread/").read()) == 4 * SIZE


def without_contents(data: bytes) -> bytes:
    parquet = pq.ParquetFile(pa.BufferReader(data))
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, parquet.schema_arrow, store_schema=False, write_page_checksum=True) as writer:
        writer.write_table(parquet.read())
        said = {k: v for k, v in parquet.metadata.metadata.items() if k != b"contents"}
        writer.add_key_value_metadata(said)
    return sink.getvalue().to_pybytes()


async def test_a_block_of_a_later_schema_is_passed_over_and_makes_verify_ask_for_an_upgrade(
    ledger, tmp_path, monkeypatch
):
    before = as_text(await ledger.read())
    with monkeypatch.context() as newer:
        newer.setattr(blocks, "_VERSION", "3")
        ledger.blocks.make_missing()
    assert as_text(await ledger.read()) == before
    with pytest.raises(LedgerTooNew, match=rf"{tmp_path / 'bread/compact'}.*found 3.*Upgrade Overnight"):
        verify(ledger)


async def test_a_block_that_says_other_things_than_its_segments_is_found_by_verify(ledger, tmp_path):
    other = ParquetLedger(LocalStore(tmp_path / "other"), "bread/")
    for number in range(1, SIZE + 1):
        await other.append([started(number, "a forger")], after=number - 1)
    for each in (ledger, other):
        each.blocks.make_missing()
    verify(ledger)
    name = "bread/compact/00000000000000000001-00000000000000000003.parquet"
    (tmp_path / name).unlink()
    (tmp_path / "other" / name).rename(tmp_path / name)
    with pytest.raises(LedgerDamaged, match=rf"{tmp_path / name}.*the contents of its segments.*Delete it"):
        verify(ledger)


async def test_a_file_among_the_blocks_that_is_none_is_foreign(ledger, tmp_path):
    ledger.blocks.make_missing()
    (tmp_path / "bread/compact/notes.txt").write_text("hello")
    assert len(await ledger.read()) == SEGMENTS
    with pytest.raises(LedgerDamaged, match=r"notes.txt`: expected only blocks.*Move it out"):
        verify(ledger)


async def test_segments_that_only_a_block_has_are_missed_by_verify(ledger, tmp_path):
    ledger.blocks.make_missing()
    for number in range(5, SEGMENTS + 1):
        (tmp_path / f"bread/events/00000/{number:020d}.parquet").unlink()
    with pytest.raises(LedgerDamaged, match=r"00000000000000000005.parquet`: expected it, because .* covers it"):
        verify(ledger)


async def test_segments_of_version_1_lie_in_blocks_as_all_others(tmp_path):
    old = Path(__file__).parents[1] / "old_ledgers" / "version-1.parquet"
    store = LocalStore(tmp_path)
    store.create("bread/events/00000/00000000000000000001.parquet", old.read_bytes())
    ledger = ParquetLedger(store, "bread/")
    for number in range(2, SIZE + 1):
        await ledger.append([started(number)], after=number - 1)
    before = as_text(await ledger.read())
    ledger.blocks.make_missing()
    assert made(tmp_path) == ["1-00000000000000000003.parquet"]
    assert as_text(await ledger.read()) == before
