"""Any sequence of appends and reads by several writers gives the same ledger in files as in memory."""

import asyncio
import secrets
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest
from event_samples import EVENTS, started
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from overnight.campaign.errors import LedgerError, LedgerMoved
from overnight.campaign.history.events import Event
from overnight.storage import Ledger, MemoryLedger, Segment, open_ledger, verify
from overnight.storage.copies import blocks

WRITERS = 3


class LedgerMachine(RuleBasedStateMachine):
    """Each writer has an object of its own and knows only what it has read; small blocks are made at any time."""

    def __init__(self, place: str, folder: Path) -> None:
        super().__init__()
        name = f"bread-{secrets.token_hex(8)}"
        self.model = MemoryLedger()
        self.ledgers = [open_ledger(place, name, folder) for _ in range(WRITERS)]
        self.heads = [0] * WRITERS
        self.count = 0

    @rule(writer=st.integers(0, WRITERS - 1), size=st.integers(0, 3), kind=st.sampled_from(EVENTS))
    def append(self, writer: int, size: int, kind: Event) -> None:
        self.count += 1
        events = [started(self.count), *[kind] * size]
        expected = _outcome(self.model, events, self.heads[writer])
        assert _outcome(self.ledgers[writer], events, self.heads[writer]) == expected
        if isinstance(expected, int):
            self.heads[writer] = expected

    @rule(writer=st.integers(0, WRITERS - 1), beyond=st.integers(1, 3))
    def append_after_a_number_that_is_not_there(self, writer: int, beyond: int) -> None:
        head = len(_run(self.model.read()))
        assert _outcome(self.ledgers[writer], [started(0)], head + beyond) is LedgerError

    @rule(writer=st.integers(0, WRITERS - 1))
    def catch_up(self, writer: int) -> None:
        new = _run(self.ledgers[writer].read(after=self.heads[writer]))
        assert _texts(new) == _texts(_run(self.model.read(after=self.heads[writer])))
        self.heads[writer] += len(new)

    @rule(writer=st.integers(0, WRITERS - 1))
    def make_blocks(self, writer: int) -> None:
        self.ledgers[writer].blocks.make_missing()

    @invariant()
    def a_stranger_reads_what_was_appended_and_finds_it_whole(self) -> None:
        ledger = self.ledgers[0]
        assert _texts(_run(ledger.read())) == _texts(_run(self.model.read()))
        assert verify(ledger).segment == len(_run(self.model.read()))


def _outcome(ledger: Ledger, events: list[Event], after: int) -> int | type[LedgerError]:
    try:
        return _run(ledger.append(events, after=after))
    except LedgerMoved:
        return LedgerMoved
    except LedgerError:
        return LedgerError


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def _texts(segments: tuple[Segment, ...]) -> list[str]:
    return [repr((s.number, [e.model_copy(update={"time": e.time.timestamp()}) for e in s.events])) for s in segments]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SIZE", 3)


@pytest.mark.slow
def test_a_ledger_in_a_directory_does_what_one_in_memory_does(tmp_path: Path) -> None:
    def machine() -> LedgerMachine:
        return LedgerMachine(tempfile.mkdtemp(dir=tmp_path), tmp_path)

    run_state_machine_as_test(machine, settings=settings(max_examples=25, stateful_step_count=20, deadline=None))


@pytest.mark.slow
def test_a_ledger_in_a_bucket_does_what_one_in_memory_does(bucket: str, tmp_path: Path) -> None:
    def machine() -> LedgerMachine:
        return LedgerMachine(bucket, tmp_path)

    run_state_machine_as_test(machine, settings=settings(max_examples=8, stateful_step_count=15, deadline=None))
