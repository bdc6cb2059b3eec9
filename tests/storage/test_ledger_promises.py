"""The promises of every ledger, for any place that holds its bytes; a new ledger is one line in LEDGERS."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from event_samples import EVENTS, started

from overnight.campaign.errors import LedgerError, LedgerMoved
from overnight.campaign.history.events import Event
from overnight.storage import Ledger, MemoryLedger, open_ledger

LEDGERS: dict[str, Callable[[pytest.FixtureRequest], Ledger]] = {
    "memory": lambda _: MemoryLedger(),
    "directory": lambda request: open_ledger("./ledger", "bread", request.getfixturevalue("tmp_path")),
    "bucket": lambda request: open_ledger(request.getfixturevalue("bucket"), "bread", Path()),
}


@pytest.fixture(params=LEDGERS)
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return LEDGERS[request.param](request)


async def test_a_new_ledger_is_empty(ledger: Ledger):
    assert await ledger.read() == ()


async def test_events_of_every_kind_are_read_back_exactly(ledger: Ledger):
    assert {type(event) for event in EVENTS} == set(get_args(get_args(Event)[0]))
    await ledger.append(EVENTS, after=0)
    [segment] = await ledger.read()
    # Unlike `==`, the text distinguishes 1 from 1.0 and True, and treats NaN as equal to itself.
    assert [_exact(e) for e in segment.events] == [_exact(e) for e in EVENTS]


async def test_segments_are_numbered_from_one_and_read_in_order(ledger: Ledger):
    numbers = [await ledger.append([started(n), started(n + 100)], after=n - 1) for n in range(1, 13)]
    assert numbers == list(range(1, 13))
    segments = await ledger.read()
    assert [segment.number for segment in segments] == numbers
    assert [[e.key for e in segment.events] for segment in segments] == [[str(n), str(n + 100)] for n in numbers]


async def test_reading_after_a_number_returns_only_what_is_newer(ledger: Ledger):
    for number in range(1, 6):
        await ledger.append([started(number)], after=number - 1)
    assert [segment.number for segment in await ledger.read(after=3)] == [4, 5]
    assert await ledger.read(after=5) == ()


async def test_a_lost_race_writes_nothing(ledger: Ledger):
    await ledger.append([started(1, "winner")], after=0)
    await ledger.append([started(2, "winner")], after=1)
    with pytest.raises(LedgerMoved, match="read the new events"):
        await ledger.append([started(2, "loser")], after=1)
    segments = await ledger.read()
    assert [event.actor for segment in segments for event in segment.events] == ["winner", "winner"]


async def test_appending_after_a_number_that_does_not_exist_leaves_no_gap(ledger: Ledger):
    await ledger.append([started(1)], after=0)
    with pytest.raises(LedgerError):
        await ledger.append([started(5)], after=4)
    assert [segment.number for segment in await ledger.read()] == [1]
    assert await ledger.append([started(2)], after=1) == 2


async def test_of_several_writers_at_once_one_wins_each_number(ledger: Ledger):
    async def write(actor: str) -> list[int]:
        won = []
        for number in range(1, 11):
            try:
                won.append(await ledger.append([started(number, actor)], after=number - 1))
            except LedgerMoved:
                continue
        return won

    won = dict(zip("abcdefgh", await asyncio.gather(*(write(actor) for actor in "abcdefgh")), strict=True))
    assert sorted(number for numbers in won.values() for number in numbers) == list(range(1, 11))
    for segment in await ledger.read():
        assert segment.number in won[segment.events[0].actor]


def _exact(event: Event) -> str:
    return repr(event.model_copy(update={"time": event.time.timestamp()}))
