"""The ledger as one process sees it: the folded history and the place of the next append."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from overnight.campaign import History
from overnight.campaign.errors import CampaignHeld, LedgerError, LedgerMoved
from overnight.campaign.history.events import Event, LeaseTaken
from overnight.campaign.values import garbage
from overnight.storage import Ledger

# Seconds to wait for a segment of another writer to be listed: some network folders show it late, others never.
_PAUSES = (0.1, 0.2, 0.5, 1, 2, 4, 8, 15)
Decide = Callable[[History], Sequence[Event]]
_Decided = TypeVar("_Decided", bound=Event)


@dataclass(eq=False)
class _Wish:
    """A task's wish to append the events that `decide` returns; `written` is done when they are appended."""

    decide: Decide
    written: asyncio.Future[Sequence[Event]]


@dataclass
class _Batch:
    """The wishes that share a segment; no two of them are about the same trial."""

    wishes: list[_Wish] = field(default_factory=list)
    decided: list[Sequence[Event]] = field(default_factory=list)
    trials: set[int | None] = field(default_factory=set)

    @property
    def events(self) -> list[Event]:
        return [event for events in self.decided for event in events]

    def add(self, wish: _Wish, events: Sequence[Event]) -> None:
        """Add the wish, unless one in the batch is about the same trial: then it decides again for the next segment."""
        trials = {getattr(event, "trial", None) for event in events} - {None}
        if not trials & self.trials:
            self.wishes.append(wish)
            self.decided.append(events)
            self.trials |= trials

    def parts(self) -> list["_Batch"]:
        return [_Batch([wish], [events]) for wish, events in zip(self.wishes, self.decided, strict=True)]


class Journal:
    """A ledger and the history folded from it, which includes all events appended here.

    Several tasks of one event loop may use it at once.
    """

    def __init__(
        self,
        ledger: Ledger,
        watch: Callable[[History], None] = lambda history: None,
        pauses: Sequence[float] = _PAUSES,
    ) -> None:
        self.ledger = ledger
        self._pauses = pauses
        self.watch = watch
        self.history = History()
        self.head = 0
        self.events_seen = 0
        self.lease: LeaseTaken | None = None
        self._wishes: list[_Wish] = []
        self._writer: asyncio.Task[None] | None = None
        # Held during each read and write of the ledger, because both move the head.
        self._busy = asyncio.Lock()

    async def refresh(self) -> None:
        """Read and fold the events that others have appended since."""
        async with self._busy:
            await self._refresh()

    async def append(self, events: Sequence[Event]) -> None:
        """Append events; raises LedgerMoved, with the new events folded, if another task or process was first."""
        head = self.head
        async with self._busy:
            if self.head != head:
                raise LedgerMoved("another task of this process appended first; decide again")
            await self._append(events)

    async def insist(self, decide: Callable[[History], Sequence[_Decided]]) -> Sequence[_Decided]:
        """Append the events that `decide` returns for the newest history, and return them.

        `decide` is called again whenever the ledger has moved. If it raises, its exception is raised here and nothing
        is written. Events of several tasks share a segment, unless they are about the same trial.
        """
        wish = _Wish(decide, asyncio.get_running_loop().create_future())
        self._wishes.append(wish)
        if self._writer is None:
            # A task of its own, so that cancelling one caller does not interrupt the append of the others' events.
            self._writer = asyncio.create_task(self._write_wishes())
            self._writer.add_done_callback(self._give_up)
        return cast(Sequence[_Decided], await wish.written)

    def check_lease(self, history: History) -> None:
        """Raise CampaignHeld if another controller holds the campaign in this history."""
        lease = history.lease
        if lease is not None and lease != self.lease:
            raise CampaignHeld(
                f"Another controller took over this campaign: process {lease.pid} on {lease.host}, at "
                f"{lease.time:%Y-%m-%d %H:%M:%S} UTC. This one stops; nothing is lost."
            )

    async def _write_wishes(self) -> None:
        async with self._busy:
            while self._wishes:
                await self._write_together()
        self._writer = None

    def _give_up(self, writer: asyncio.Task[None]) -> None:
        """Cancel the wishes of a writer that was ended from outside, perhaps before it began."""
        if self._writer is writer:
            self._writer = None
            for wish in self._wishes:
                wish.written.cancel()

    async def _write_together(self) -> None:
        """Write one segment and fulfil the wishes in it; cancelled wishes are dropped."""
        batch = _Batch()
        self._wishes = [wish for wish in self._wishes if not wish.written.done()]
        for wish in self._wishes:
            try:
                batch.add(wish, wish.decide(self.history))
            except Exception as refusal:
                _refuse(wish, refusal)
        for part in await self._written(batch):
            # A wish that cannot be written must not keep the others from being written.
            await self._written(part)

    async def _written(self, batch: _Batch) -> list[_Batch]:
        """Write the batch. If that fails, return its parts if it has several; otherwise refuse its wish."""
        try:
            if batch.events:
                await self._append(batch.events)
        except LedgerMoved:
            return []
        except Exception as problem:
            if len(batch.wishes) > 1:
                return batch.parts()
            for wish in batch.wishes:
                _refuse(wish, problem)
        for wish, events in zip(batch.wishes, batch.decided, strict=True):
            if not wish.written.done():
                wish.written.set_result(events)
        return []

    async def _append(self, events: Sequence[Event]) -> None:
        try:
            self.head = await self.ledger.append(events, after=self.head)
        except LedgerMoved as moved:
            await self._catch_up(moved)
            raise
        self._fold(events)

    async def _catch_up(self, moved: LedgerMoved) -> None:
        """Read the events that others have appended; raises LedgerError if none can be found."""
        head = self.head
        for pause in (0, *self._pauses):
            await asyncio.sleep(pause)
            await self._refresh()
            if self.head > head:
                return
        raise LedgerError(
            f"{moved}: expected to read the events of the other writer, found none in {sum(self._pauses):.0f} s. The "
            "ledger's place does not list all files that it keeps, or lists them under other names. Nothing was "
            "written; give the ledger another place."
        )

    async def _refresh(self) -> None:
        with garbage.left_alone():
            segments = await self.ledger.read(after=self.head)
            if segments:
                self.head = segments[-1].number
                self._fold([event for segment in segments for event in segment.events])

    def _fold(self, events: Sequence[Event]) -> None:
        self.history = self.history.extended(events)
        self.events_seen += len(events)
        self.watch(self.history)


def _refuse(wish: _Wish, why: Exception) -> None:
    if not wish.written.done():
        # A future refuses StopIteration.
        wish.written.set_exception(RuntimeError(repr(why)) if isinstance(why, StopIteration) else why)
