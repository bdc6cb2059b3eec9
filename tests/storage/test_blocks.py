"""Blocks make reading fast and change nothing of what is read; killed, lost or spoilt, they are made again."""

import threading
from pathlib import Path

import pytest
from event_samples import EVENTS, started

from campaign.errors import LedgerDamaged, LedgerTooNew
from storage import LocalStore, ParquetLedger, blocks, copies, verify

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
    """Wait for the threads that make blocks beside the appends."""
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


async def test_a_spoilt_block_is_named_and_can_be_deleted(ledger, tmp_path):
    ledger.blocks.make_missing()
    second = tmp_path / "bread/compact" / "00000000000000000004-00000000000000000006.parquet"
    whole = bytearray(second.read_bytes())
    whole[len(whole) // 3] ^= 1
    second.unlink()
    second.write_bytes(whole)
    with pytest.raises(LedgerDamaged, match=rf"{second}.*Delete it: it is made again"):
        await ledger.read()
    second.unlink()
    assert len(await ledger.read()) == SEGMENTS


async def test_a_block_of_a_later_schema_is_no_damage_but_asks_for_an_upgrade(ledger, tmp_path, monkeypatch):
    with monkeypatch.context() as newer:
        newer.setattr(blocks, "_VERSION", "2")
        ledger.blocks.make_missing()
    with pytest.raises(LedgerTooNew, match=rf"{tmp_path / 'bread/compact'}.*found 2.*Upgrade Overnight"):
        await ledger.read()
    with pytest.raises(LedgerTooNew, match="Upgrade Overnight"):
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
    with pytest.raises(LedgerDamaged, match=rf"{tmp_path / name}.*what its segments hold.*Delete it"):
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
    with pytest.raises(LedgerDamaged, match=r"00000000000000000005.parquet`: expected it, because .* tells of it"):
        verify(ledger)


async def test_segments_of_version_1_lie_in_blocks_as_all_others(tmp_path):
    old = Path(__file__).parent / "old_ledgers" / "version-1.parquet"
    store = LocalStore(tmp_path)
    store.create("bread/events/00000/00000000000000000001.parquet", old.read_bytes())
    ledger = ParquetLedger(store, "bread/")
    for number in range(2, SIZE + 1):
        await ledger.append([started(number)], after=number - 1)
    before = as_text(await ledger.read())
    ledger.blocks.make_missing()
    assert made(tmp_path) == ["1-00000000000000000003.parquet"]
    assert as_text(await ledger.read()) == before
