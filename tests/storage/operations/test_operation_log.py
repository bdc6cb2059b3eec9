"""Operations are kept in the order of their appends, by any number of writers, and no file can be torn unnoticed."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.campaign.errors import LedgerDamaged, LedgerTooNew
from overnight.storage import LocalStore, OperationLog, verify_operations
from overnight.storage.operations.bundles import SIZE
from overnight.storage.operations.operation_file import BEGINNING, decode, encode, split
from overnight.storage.operations.operation_log import LOOK_AGAIN

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OPERATIONS = st.lists(st.dictionaries(st.text(), VALUES, max_size=3), max_size=4)


class Counting(LocalStore):
    """A store that counts the listings of segments."""

    listings = 0

    def keys(self, folder: str, *, start_after: str = "") -> tuple[str, ...]:
        self.listings += folder == "study/operations/"
        return super().keys(folder, start_after=start_after)


def log_in(folder: Path) -> OperationLog:
    return OperationLog(LocalStore(folder), "study/")


def log_before(folder: Path, number: int) -> OperationLog:
    """Return a log whose next append is this one; the others are written without waiting for the disk."""
    log = log_in(folder)
    log.read()
    last = log.newest
    (folder / "study/operations/00000").mkdir(parents=True, exist_ok=True)
    while last.number < number - 1:
        last = encode([{}], last)
        (folder / f"study/operations/00000/{last.number:020d}.jsonl").write_bytes(last.data)
    log.read()
    return log


@given(OPERATIONS, OPERATIONS)
def test_segments_are_read_as_they_were_written_alone_and_one_after_the_other(one, other):
    first = encode(one, BEGINNING)
    second = encode(other, first)
    assert decode(first.data, 1, "a") == first
    assert [*split(first.data + second.data, 1, "a")] == [first, second]


@given(OPERATIONS, st.data())
def test_a_file_that_was_cut_anywhere_is_damaged(operations, data):
    file = encode(operations, BEGINNING)
    kept = data.draw(st.integers(0, len(file.data) - 1))
    with pytest.raises(LedgerDamaged, match="`a`"):
        decode(file.data[:kept], 1, "a")


def test_two_appends_of_the_same_operations_have_different_bytes():
    assert encode([{}], BEGINNING).data != encode([{}], BEGINNING).data


def test_a_file_of_a_newer_version_is_refused_as_such():
    data = encode([{}], BEGINNING).data.replace(b'"version":"1"', b'"version":"2"')
    with pytest.raises(LedgerTooNew, match="Upgrade"):
        decode(data, 1, "a")


def test_operations_of_several_writers_are_all_kept_in_one_order(tmp_path):
    def write(writer: int) -> None:
        log = log_in(tmp_path)
        for turn in range(10):
            log.append([{"writer": writer, "turn": turn}])

    with ThreadPoolExecutor(4) as pool:
        [*pool.map(write, range(4))]
    kept = [*log_in(tmp_path).read()]
    assert len(set(kept)) == len(kept) == 40
    for writer in range(4):
        own = [line for line in kept if f'"writer":{writer}' in line]
        assert own == [f'{{"writer":{writer},"turn":{turn}}}' for turn in range(10)]
    assert verify_operations(log_in(tmp_path)).events == 40


def test_a_reader_sees_what_others_append_however_much_it_is(tmp_path):
    reader, writer = log_in(tmp_path), log_in(tmp_path)
    assert [*reader.read()] == []
    for count in (1, 2, 9):
        for _ in range(count):
            writer.append([{"a": 1}, {"b": 2}])
        assert reader.read() == writer.read()
    assert len(reader.read()) == 24


def test_an_append_is_acknowledged_although_its_bundle_cannot_be_made(tmp_path):
    log, bundles = log_before(tmp_path, SIZE), tmp_path / "study/operation_bundles"
    bundles.write_text("a file where the folder should be")
    log.append([{"is": "committed"}])
    assert log.last() == SIZE
    bundles.unlink()
    log_before(tmp_path, 2 * SIZE).append([{}])
    assert log.bundles.numbers() == [SIZE, 2 * SIZE]


@pytest.mark.parametrize("act", [lambda log: log.append([{}]), lambda log: log.read()])
def test_a_process_that_knows_the_beginning_notices_a_hole_after_it(tmp_path, act):
    now = 0.0
    known, writer = OperationLog(LocalStore(tmp_path), "study/", lambda: now), log_in(tmp_path)
    writer.append([{}])
    known.read()
    for _ in range(3):
        writer.append([{}])
    hole = tmp_path / f"study/operations/00000/{2:020d}.jsonl"
    hole.unlink()
    now = LOOK_AGAIN
    with pytest.raises(LedgerDamaged, match=hole.name):
        act(known)
    assert not hole.exists()


def test_a_listing_is_not_requested_for_each_append(tmp_path):
    store = Counting(tmp_path)
    log = OperationLog(store, "study/", lambda: 0.0)
    for _ in range(20):
        log.append([{}])
        log.read()
    assert store.listings <= 3


def test_a_foreign_file_among_the_segments_is_named(tmp_path):
    log_in(tmp_path).append([{}])
    (tmp_path / "study/operations/00000/notes.txt").touch()
    with pytest.raises(LedgerDamaged, match=r"notes\.txt"):
        log_in(tmp_path).read()
