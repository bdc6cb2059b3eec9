"""The ledger as one process sees it: what it has read, folded, and where the next append goes."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from campaign import History
from campaign.errors import CampaignHeld, LedgerMoved
from campaign.events import Event, LeaseTaken, TrialProposed
from storage import Ledger

Decide = Callable[[History], Sequence[Event]]


@dataclass(eq=False)
class _Wish:
    """Events that somebody waits for to be written."""

    decide: Decide
    written: asyncio.Future[None]


@dataclass
class _Batch:
    """The wishes that share a segment: no two of them speak of the same trial."""

    wishes: list[_Wish] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    trials: set[int | None] = field(default_factory=set)

    def add(self, wish: _Wish, events: Sequence[Event]) -> None:
        """Add the wish, unless one that is here already speaks of the same trial: then it has to decide again."""
        trials = {getattr(event, "trial", None) for event in events} - {None}
        if trials & self.trials:
            return
        self.wishes.append(wish)
        self.events += events
        self.trials |= trials

    def end(self, problem: Exception | None = None) -> None:
        """Tell those who still wait that their events are written, or why they are not."""
        for wish in self.wishes:
            if wish.written.done():
                continue
            if problem is None:
                wish.written.set_result(None)
            else:
                wish.written.set_exception(problem)


class Journal:
    """A ledger and the history folded from it; everything that is appended is folded, too.

    Several tasks of one event loop may use it at once.
    """

    def __init__(self, ledger: Ledger, watch: Callable[[History], None] = lambda history: None) -> None:
        self.ledger = ledger
        self.watch = watch
        self.history = History()
        self.head = 0
        self.events_seen = 0
        self.lease: LeaseTaken | None = None
        self._wishes: list[_Wish] = []
        self._writer: asyncio.Task[None] | None = None
        # Whoever reads or writes the ledger moves the head.
        self._busy = asyncio.Lock()

    async def refresh(self) -> None:
        """Read and fold what others have appended since."""
        async with self._busy:
            await self._refresh()

    async def append(self, events: Sequence[Event]) -> None:
        """Append where nobody else has; raise LedgerMoved, with what is new folded, where somebody has."""
        head = self.head
        async with self._busy:
            if self.head != head:
                raise LedgerMoved("another task of this process appended first; decide again")
            await self._append(events)

    async def insist(self, decide: Decide) -> None:
        """Append what is decided on the newest history, after whatever others append meanwhile.

        `decide` is asked again whenever the ledger has moved; what it raises is raised here, with nothing written. What
        several tasks insist on at once shares a segment, unless it is about the same trial.
        """
        wish = _Wish(decide, asyncio.get_running_loop().create_future())
        self._wishes.append(wish)
        if self._writer is None:
            # A task of its own, so that nobody who is cancelled leaves the others' events half written.
            self._writer = asyncio.create_task(self._write_wishes())
        await wish.written

    async def insist_as_holder(self, events: Sequence[Event]) -> None:
        """Append as the holder of the lease, after whatever others append meanwhile.

        Raises CampaignHeld if another controller has taken over, LedgerMoved if one of the trials that
        these events propose has been proposed by somebody else.
        """

        def decide(history: History) -> Sequence[Event]:
            self.check_lease(history)
            return still_new(events, history)

        await self.insist(decide)

    def check_lease(self, history: History) -> None:
        """Raise CampaignHeld if the history says that somebody else holds the campaign now."""
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

    async def _write_together(self) -> None:
        """Write one segment, and tell those whose events are in it; who was cancelled waits no longer."""
        batch = _Batch()
        self._wishes = [wish for wish in self._wishes if not wish.written.done()]
        for wish in self._wishes:
            try:
                batch.add(wish, wish.decide(self.history))
            except Exception as refusal:
                wish.written.set_exception(refusal)
        if not batch.events:
            batch.end()
            return
        try:
            await self._append(batch.events)
        except LedgerMoved:
            return
        except Exception as problem:
            batch.end(problem)
        else:
            batch.end()

    async def _append(self, events: Sequence[Event]) -> None:
        try:
            self.head = await self.ledger.append(events, after=self.head)
        except LedgerMoved:
            await self._refresh()
            raise
        self._fold(events)

    async def _refresh(self) -> None:
        segments = await self.ledger.read(after=self.head)
        if segments:
            self.head = segments[-1].number
            self._fold([event for segment in segments for event in segment.events])

    def _fold(self, events: Sequence[Event]) -> None:
        self.history = self.history.extended(events)
        self.events_seen += len(events)
        self.watch(self.history)


def still_new(events: Sequence[Event], history: History) -> Sequence[Event]:
    """Return the events; raises LedgerMoved if one proposes a trial that somebody else has proposed meanwhile."""
    for event in events:
        if isinstance(event, TrialProposed) and event.trial in history.trials:
            raise LedgerMoved(f"trial {event.trial} was proposed by somebody else meanwhile; decide again")
    return events
