"""A ledger proves itself: altered, cut, swapped or rewritten files are named, with the help of receipts."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from event_samples import EVENTS, NOON, SEGMENTS, in_old_ledgers, in_the_first_of_version_3, sample, started
from rewritten import write_with

from overnight.campaign.errors import LedgerDamaged, LedgerTooNew
from overnight.campaign.history.events import CampaignDrained, TrialObserved
from overnight.storage import LocalStore, ParquetLedger, Verification, receipt_of, verify
from overnight.storage.segments.segment_file import digest, encode

OLD = Path(__file__).parents[1] / "old_ledgers"


def write_anew(file: Callable[[int], Path], first: int, actor: str) -> None:
    """Replace the segments from `first` on with others that form a valid chain."""
    for number in range(first, SEGMENTS + 1):
        file(number).unlink()
        file(number).write_bytes(encode(number, [started(number, actor)], digest(file(number - 1).read_bytes())).data)


async def test_a_whole_ledger_says_how_far_it_goes_and_which_hash_stands_for_it(ledger, file):
    found = verify(ledger)
    assert (found.segment, found.events, found.unlinked, found.anchored) == (SEGMENTS, len(EVENTS) + 3, 0, 0)
    assert found.hash == digest(file(SEGMENTS).read_bytes())


async def test_an_empty_ledger_is_whole(tmp_path):
    assert verify(ParquetLedger(LocalStore(tmp_path), "bread/")) == Verification()


async def test_columns_that_contradict_their_events_are_damage(ledger, file):
    write_with(file(SEGMENTS), "actor", pa.array(["nobody"]))
    with pytest.raises(LedgerDamaged, match=rf"{file(SEGMENTS)}.*columns that agree with its events"):
        verify(ledger)


async def test_a_receipt_tells_a_cut_end_that_the_chain_alone_does_not(ledger, file):
    receipt = receipt_of(verify(ledger), "here", NOON)
    file(SEGMENTS).unlink()
    assert verify(ledger).segment == SEGMENTS - 1
    with pytest.raises(LedgerDamaged, match=rf"{file(SEGMENTS)}.*receipt of 2026-03-01 12:00.*Its end was cut"):
        verify(ledger, [receipt])


@pytest.mark.parametrize("first", [2, SEGMENTS])
async def test_a_receipt_tells_a_ledger_that_was_written_anew(ledger, file, first):
    receipt = receipt_of(verify(ledger), "here", NOON)
    write_anew(file, first, "a forger")
    assert verify(ledger).segment == SEGMENTS
    with pytest.raises(LedgerDamaged, match=rf"{file(SEGMENTS)}.*hash {receipt.hash}.*rewritten"):
        verify(ledger, [receipt])


async def test_a_ledger_that_has_grown_agrees_with_its_older_receipts(ledger):
    receipt = receipt_of(verify(ledger), "here", NOON)
    assert verify(ledger, [receipt]).loose_since is None
    later = started(5).model_copy(update={"time": NOON + timedelta(hours=1)})
    await ledger.append([later, started(6)], after=4)
    await ledger.append([started(7)], after=5)
    found = verify(ledger, [receipt])
    assert (found.segment, found.anchored) == (6, SEGMENTS)
    assert (found.events - found.anchored_events, found.loose_since) == (3, NOON)


async def test_each_of_several_receipts_counts(ledger):
    good = receipt_of(verify(ledger), "here", NOON)
    bad = good.model_copy(update={"hash": "0" * 64})
    for receipts in ([good, bad], [bad, good]):
        with pytest.raises(LedgerDamaged, match="found " + good.hash):
            verify(ledger, receipts)


async def test_numbers_that_are_none_are_no_damage(ledger):
    event = TrialObserved(time=NOON, actor="a", trial=9, attempt=1, metrics={}, seconds=float("nan"), cost=float("inf"))
    await ledger.append([event], after=SEGMENTS)
    assert verify(ledger).segment == SEGMENTS + 1


@pytest.mark.parametrize("body", [None, '{"kind":"trial_observed"}', "3"])
async def test_a_row_without_an_event_is_damage_that_names_its_file(ledger, file, body):
    write_with(file(SEGMENTS), "body", pa.array([body], pa.string()))
    with pytest.raises(LedgerDamaged, match=rf"{file(SEGMENTS)}.*cannot be read"):
        verify(ledger)


@pytest.mark.parametrize("version", ["1", "2", "3"])
async def test_a_ledger_of_every_version_is_read_and_goes_on(tmp_path, version):
    store = LocalStore(tmp_path)
    store.create("bread/events/00000/00000000000000000001.parquet", (OLD / f"version-{version}.parquet").read_bytes())
    ledger = ParquetLedger(store, "bread/")
    [segment] = await ledger.read()
    assert [repr(e.model_copy(update={"time": NOON})) for e in segment.events] == [
        repr(e.model_copy(update={"time": NOON}))
        for e in (in_the_first_of_version_3() if version == "3" else in_old_ledgers())
    ]
    await ledger.append([started(2)], after=1)
    found = verify(ledger)
    assert (found.segment, found.unlinked) == (2, 1 if version == "1" else 0)


async def test_a_version_that_a_flipped_bit_made_newer_is_told_as_what_it_may_be(ledger, file):
    whole = file(2).read_bytes()
    [place] = [found.end() for found in re.finditer(rb"schema_version.{0,4}?(?=3)", whole, re.DOTALL)]
    file(2).unlink()
    file(2).write_bytes(whole[:place] + b"4" + whole[place + 1 :])
    with pytest.raises(
        LedgerTooNew, match=rf"{file(2)}.*If no newer version has run there, the file was altered: restore"
    ):
        verify(ledger)


NEWER = {
    "a kind of event": (
        '{"kind":"trial_admired","time":"2026-03-01T12:00:00Z","actor":"a"}',
        "the word `trial_admired`",
    ),
    "a field": (
        '{"kind":"trial_abandoned","time":"2026-03-01T12:00:00Z","actor":"a","trial":1,"why":"w","mood":"good"}',
        "the key `mood`",
    ),
    "a word": (
        '{"kind":"trial_proposed","time":"2026-03-01T12:00:00Z","actor":"a","trial":1,"point":{},"generator":"dice"}',
        "the word `dice`",
    ),
}


@pytest.mark.parametrize("body", NEWER)
async def test_an_event_that_says_more_than_this_version_knows_is_no_damage(ledger, file, body):
    written, named = NEWER[body]
    write_with(file(SEGMENTS), "body", pa.array([written]))
    told = rf"{file(SEGMENTS)}.*{named}.*newer version.*Upgrade Overnight"
    with pytest.raises(LedgerTooNew, match=told):
        verify(ledger)
    with pytest.raises(LedgerTooNew, match=told):
        await ledger.read()


async def test_what_is_not_known_is_no_excuse_for_what_was_altered(ledger, file):
    receipt = receipt_of(verify(ledger), "here", NOON)
    written, _ = NEWER["a field"]
    write_with(file(SEGMENTS), "body", pa.array([written]))
    with pytest.raises(LedgerDamaged, match=rf"{file(SEGMENTS)}.*rewritten"):
        verify(ledger, [receipt])
    write_with(file(2), "body", pa.array([written]))
    with pytest.raises(LedgerDamaged, match=rf"{file(2)}.*One of the two was altered"):
        verify(ledger)


async def test_a_field_that_is_not_known_beside_one_that_is_wrong_is_damage(ledger, file):
    written = '{"kind":"trial_abandoned","time":"soon","actor":"a","trial":1,"why":"w","mood":"good"}'
    write_with(file(SEGMENTS), "body", pa.array([written]))
    with pytest.raises(LedgerDamaged, match=rf"{file(SEGMENTS)}.*cannot be read"):
        verify(ledger)


async def test_a_ledger_that_grows_and_is_copied_meanwhile_is_whole(tmp_path):
    class Growing(LocalStore):
        """Lets another writer end a run when the first segment is read."""

        grown = False

        def get(self, key: str) -> bytes:
            if not self.grown and key.endswith("1.parquet"):
                self.grown = True
                drained = CampaignDrained(time=NOON, actor="controller", epoch=1, reason="enough")
                asyncio.run(ParquetLedger(LocalStore(tmp_path), "bread/").append([drained], after=1))
            return super().get(key)

    await ParquetLedger(LocalStore(tmp_path), "bread/").append([sample("trial_proposed")], after=0)
    assert verify(ParquetLedger(Growing(tmp_path), "bread/")).segment == 1
    assert list((tmp_path / "bread/snapshots").iterdir())
    assert verify(ParquetLedger(LocalStore(tmp_path), "bread/")).segment == 2
