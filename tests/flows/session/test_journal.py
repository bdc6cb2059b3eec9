import asyncio
from collections.abc import Sequence

import pytest
from read_ledgers import events_of

from overnight.campaign import History, Measurement
from overnight.campaign.errors import LedgerError, LedgerMoved
from overnight.campaign.history.events import Event, TrialFailed, TrialObserved, TrialProposed
from overnight.flows.host.clock import SystemClock
from overnight.flows.session.journal import Journal
from overnight.storage import LocalStore, MemoryLedger, ParquetLedger, Segment
from overnight.storage.segments.segment_file import LARGEST_EVENT

NOW = SystemClock().now()


def proposed(trial: int) -> TrialProposed:
    return TrialProposed(time=NOW, actor="a", trial=trial, point={"x": 1.0}, generator="manual")


def observed(trial: int, mean: float = 1.0) -> TrialObserved:
    return TrialObserved(time=NOW, actor="a", trial=trial, attempt=1, metrics={"loss": Measurement(mean=mean)})


class OutOfSpace(MemoryLedger):
    """A ledger that accepts nothing as long as it is full."""

    full = True

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        await asyncio.sleep(0)
        if self.full:
            raise LedgerError("no space")
        return await super().append(events, after=after)


class SlowLedger(MemoryLedger):
    """A ledger whose appends last until `may_end` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.writing, self.may_end = asyncio.Event(), asyncio.Event()

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        self.writing.set()
        await asyncio.sleep(0)
        await self.may_end.wait()
        return await super().append(events, after=after)


class Unlisted(LocalStore):
    """A store that keeps everything and lists nothing, like a store that changes names."""

    def keys(self, folder: str, *, start_after: str = "") -> tuple[str, ...]:
        return ()


@pytest.mark.parametrize("insists", [True, False])
async def test_a_lost_race_that_brings_nothing_new_ends_with_an_error(tmp_path, insists):
    await ParquetLedger(LocalStore(tmp_path), "bread/").append([proposed(1)], after=0)
    journal = Journal(ParquetLedger(Unlisted(tmp_path), "bread/"), pauses=(0, 0))
    with pytest.raises(LedgerError, match=r"exists already.*does not list all files that it keeps") as told:
        await (journal.insist(lambda history: [proposed(1)]) if insists else journal.append([proposed(1)]))
    assert not isinstance(told.value, LedgerMoved)


async def test_a_number_that_is_taken_is_waited_for_until_it_is_listed(tmp_path):
    class Late(LocalStore):
        """A store that lists its keys from the third request on."""

        asked = 0

        def keys(self, folder: str, *, start_after: str = "") -> tuple[str, ...]:
            self.asked += 1
            return super().keys(folder, start_after=start_after) if self.asked > 2 else ()

    await ParquetLedger(LocalStore(tmp_path), "bread/").append([proposed(1)], after=0)
    journal = Journal(ParquetLedger(Late(tmp_path), "bread/"), pauses=(0, 0, 0))
    await journal.insist(lambda history: [] if history.trials else [proposed(1)])
    assert list(journal.history.trials) == [1]


async def test_an_event_that_is_too_large_keeps_no_other_from_being_written(tmp_path):
    journal = Journal(ParquetLedger(LocalStore(tmp_path), "bread/"))
    await journal.append([proposed(1), proposed(2)])
    huge = observed(1).model_copy(update={"metadata": {"weights": "x" * (LARGEST_EVENT + 1)}})
    written = [journal.insist(lambda history, event=event: [event]) for event in (huge, observed(2))]
    refused, kept = await asyncio.gather(*written, return_exceptions=True)
    assert kept == [observed(2)]
    assert isinstance(refused, LedgerError)
    assert "(trial_observed/1/1): expected at most 16 MiB for one event" in str(refused)
    assert [trial.status for trial in journal.history.trials.values()] == ["waiting", "observed"]
    assert len(await ParquetLedger(LocalStore(tmp_path), "bread/").read()) == 2


async def test_what_several_insist_on_at_once_shares_a_segment():
    ledger = MemoryLedger()
    journal = Journal(ledger)
    await asyncio.gather(*(journal.insist(lambda history, i=i: [proposed(i)]) for i in range(1, 51)))
    [segment] = await ledger.read()
    assert [event.trial for event in segment.events] == list(range(1, 51))
    assert sorted(journal.history.trials) == list(range(1, 51))
    assert (journal.head, journal.events_seen) == (1, 50)


async def test_what_is_insisted_on_while_a_segment_is_written_shares_the_next():
    ledger = SlowLedger()
    journal = Journal(ledger)
    first = asyncio.create_task(journal.insist(lambda history: [proposed(1)]))
    await ledger.writing.wait()
    others = [asyncio.create_task(journal.insist(lambda history, i=i: [proposed(i)])) for i in (2, 3)]
    await asyncio.sleep(0)
    ledger.may_end.set()
    await asyncio.gather(first, *others)
    assert [len(segment.events) for segment in await ledger.read()] == [1, 2]


async def test_of_two_who_end_one_trial_at_once_the_second_is_told_that_it_has_ended():
    ledger = MemoryLedger()
    journal = Journal(ledger)
    await journal.append([proposed(1)])

    def end(event: TrialObserved | TrialFailed, history: History) -> list[Event]:
        if history.trials[1].outcome is not None:
            raise LedgerMoved("it has ended")
        return [event]

    done = await asyncio.gather(
        journal.insist(lambda history: end(observed(1, 1.0), history)),
        journal.insist(lambda history: end(observed(1, 2.0), history)),
        return_exceptions=True,
    )
    assert done[0] == [observed(1, 1.0)]
    assert str(done[1]) == "it has ended"
    assert await events_of(ledger) == [proposed(1), observed(1, 1.0)]


async def test_what_another_process_appended_is_known_before_anything_is_decided_again():
    ledger = MemoryLedger()
    ours, theirs = Journal(ledger), Journal(ledger)
    await theirs.append([proposed(1)])
    asked: list[list[int]] = []

    def decide(history: History) -> list[Event]:
        asked.append(sorted(history.trials))
        return [proposed(history.next_trial)]

    await ours.insist(decide)
    assert asked == [[], [1]]
    assert sorted(ours.history.trials) == [1, 2]


async def test_nobody_waits_for_a_writer_that_is_cancelled_before_it_begins():
    ledger = MemoryLedger()
    journal = Journal(ledger)
    wish = asyncio.create_task(journal.insist(lambda history: [proposed(1)]))
    before = asyncio.all_tasks()
    await asyncio.sleep(0)
    [writer] = asyncio.all_tasks() - before
    writer.cancel()
    await asyncio.wait({wish}, timeout=10)
    assert wish.cancelled()
    await journal.insist(lambda history: [proposed(2)])
    assert await events_of(ledger) == [proposed(2)]


async def test_nobody_who_is_cancelled_takes_the_others_events_with_him():
    ledger = SlowLedger()
    journal = Journal(ledger)
    tasks = [asyncio.create_task(journal.insist(lambda history, i=i: [proposed(i)])) for i in (1, 2, 3)]
    await ledger.writing.wait()
    tasks[0].cancel()
    ledger.may_end.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(done[0], asyncio.CancelledError)
    assert done[1:] == [[proposed(2)], [proposed(3)]]
    assert [[event.trial for event in segment.events] for segment in await ledger.read()] == [[1, 2, 3]]


async def test_everybody_is_told_of_a_full_disk_and_may_insist_again_when_there_is_space():
    ledger = OutOfSpace()
    journal = Journal(ledger)
    wishes = [lambda history, i=i: [proposed(i)] for i in (1, 2)]
    done = await asyncio.gather(*map(journal.insist, wishes), return_exceptions=True)
    assert [str(problem) for problem in done] == ["no space", "no space"]
    ledger.full = False
    await asyncio.gather(*map(journal.insist, wishes))
    assert [[event.trial for event in segment.events] for segment in await ledger.read()] == [[1, 2]]


class Picky(SlowLedger):
    """Refuses every append that holds trial 2."""

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        if any(event.trial == 2 for event in events):
            raise LedgerError("trial 2 cannot be written")
        return await super().append(events, after=after)


async def test_what_cannot_be_written_keeps_nothing_else_from_it():
    ledger = Picky()
    ledger.may_end.set()
    journal = Journal(ledger)
    wishes = [lambda history, i=i: [proposed(i)] for i in (1, 2, 3)]
    done = await asyncio.gather(*map(journal.insist, wishes), return_exceptions=True)
    assert (done[0], str(done[1]), done[2]) == ([proposed(1)], "trial 2 cannot be written", [proposed(3)])
    assert sorted(journal.history.trials) == [1, 3]


async def test_nobody_waits_for_one_whose_decision_ends_in_an_odd_way():
    journal = Journal(MemoryLedger())

    def odd(history: History) -> list[Event]:
        return [next(iter(()))]

    done = await asyncio.gather(
        journal.insist(odd), journal.insist(lambda history: [proposed(1)]), return_exceptions=True
    )
    assert "StopIteration" in str(done[0])
    assert done[1] == [proposed(1)]
    await journal.insist(lambda history: [proposed(2)])


async def test_one_who_decides_nothing_or_fails_to_holds_nobody_up():
    ledger = MemoryLedger()
    journal = Journal(ledger)
    done = await asyncio.gather(
        journal.insist(lambda history: []),
        journal.insist(lambda history: [history.trials[9]]),
        journal.insist(lambda history: [proposed(1)]),
        return_exceptions=True,
    )
    assert (done[0], type(done[1]), done[2]) == ([], KeyError, [proposed(1)])
    assert await ledger.read() == (Segment(1, (proposed(1),)),)


async def test_two_tasks_that_append_after_the_same_segment_do_not_both_win():
    ledger = SlowLedger()
    ledger.may_end.set()
    journal = Journal(ledger)
    done = await asyncio.gather(journal.append([proposed(1)]), journal.append([proposed(2)]), return_exceptions=True)
    assert [type(found) for found in done] == [type(None), LedgerMoved]
