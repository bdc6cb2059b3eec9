"""One campaign's ledger as the dashboard has read it so far; only new events are read and folded."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Lock
from time import monotonic

from overnight.campaign import History
from overnight.campaign.errors import LedgerDamaged, LedgerError, OvernightError
from overnight.campaign.history.events import Event
from overnight.campaign.insight import Insight
from overnight.flows.api.place import Place
from overnight.flows.dashboard.learning.learning import Learning
from overnight.flows.proposing.messages import LedgerPlace
from overnight.flows.session.lease import controller_lives
from overnight.report.deeds import is_deed
from overnight.report.story import Story
from overnight.storage import ParquetLedger, Segment

# Seconds after which a ledger that could not be read is read again, although nothing was appended.
_AGAIN = 10.0
# Seconds after which a part is made again although nothing was appended: it holds durations up to now.
STAYS = 20.0
# Seconds to wait for an answer of the store, and for all events.
_PATIENCE, _LONG = 5.0, 60.0


@dataclass(frozen=True)
class Seen:
    """The history up to segment `head`, whose file has this `hash`, and the events in it that are deeds.

    `problem` is the reason why nothing, or nothing newer, can be shown; it is empty otherwise.
    """

    head: int = 0
    hash: str = ""
    history: History = field(default_factory=History)
    deeds: tuple[Event, ...] = ()
    alive: bool = False
    problem: str = ""

    @property
    def version(self) -> str:
        """Return a text that differs whenever the page may differ."""
        problem = f"-{abs(hash(self.problem))}" if self.problem else ""
        return f"{self.head}-{self.hash[:16]}{'' if self.alive else '-gone'}{problem}"


class Followed:
    """A campaign whose ledger is looked at on request."""

    def __init__(self, place: Place, name: str, one_model_at_a_time: asyncio.Semaphore) -> None:
        self.place, self.name = place, name
        self.seen = Seen()
        self._ledger = place.ledger(name)
        self._looking: asyncio.Task[None] | None = None
        self._looked = self._failed = -_AGAIN
        self._failed_at = -1
        self._parts: dict[str, tuple[tuple[str, int], str]] = {}
        self._making: dict[str, asyncio.Lock] = {}
        self.verifying = asyncio.Lock()
        # The number of a segment, and the insight of the model by then.
        self.learnt: tuple[int, Insight | None] | None = None
        self._one_model_at_a_time = one_model_at_a_time
        self.learning = self._new_learning()
        self.telling = Lock()
        self.told: tuple[tuple[str, int], Story] | None = None

    async def look(self, every: float = 0.0) -> Seen:
        """Read and fold what is new, unless that was done less than `every` seconds ago.

        If the ledger cannot be read, or its store does not answer for some seconds, the result has a problem, and shows
        the history as far as it is known.
        """
        if self._looking is None and monotonic() - self._looked >= every:
            self._looking = asyncio.create_task(self._look())
        if self._looking is not None:
            # A bucket that does not answer is asked again for minutes; this look continues, and others do not begin.
            done, _ = await asyncio.wait({self._looking}, timeout=_PATIENCE)
            if not done:
                return replace(self.seen, problem=self._silent())
        return self.seen

    async def _look(self) -> None:
        try:
            self.seen = await self._newer(self.seen)
        finally:
            self._looked, self._looking = monotonic(), None

    async def made(
        self, which: str, seen: Seen, now: datetime, make: Callable[["Followed", Seen, datetime], str]
    ) -> str:
        """Return a part of the page, which is made once for everybody who asks for it at about the same time."""
        async with self._making.setdefault(which, asyncio.Lock()):
            key = (f"{seen.version}{self.learning.mark}", int(now.timestamp() / STAYS))
            kept = self._parts.get(which)
            if kept is None or kept[0] != key:
                kept = self._parts[which] = key, await asyncio.to_thread(make, self, seen, now)
            return kept[1]

    async def events(self) -> list[Event]:
        """Return all events of the ledger; raises LedgerError if it is empty or cannot be read soon."""
        try:
            segments = await asyncio.wait_for(self.place.ledger(self.name).read(), _LONG)
        except TimeoutError:
            raise LedgerError(self._silent()) from None
        events = [event for segment in segments for event in segment.events]
        if not events:
            raise self._nothing()
        return events

    async def _newer(self, seen: Seen) -> Seen:
        newest = -1
        try:
            # The listing begins with the newest known segment, so that a deleted ledger is noticed.
            newest = await asyncio.to_thread(self._ledger.chain.newest, max(seen.head - 1, 0))
            if newest < seen.head or newest == 0:
                self._forget()
                return Seen(problem=str(self._gone() if seen.head else self._nothing()))
            if newest == self._failed_at and monotonic() - self._failed < _AGAIN:
                return seen
            if newest > seen.head:
                return await _read_on(seen, self._ledger)
            # Another ledger may have taken its place, with as many segments.
            await asyncio.to_thread(self._ledger.chain.tip, seen.head)
            return replace(seen, alive=controller_lives(seen.history), problem="")
        except (OvernightError, OSError) as problem:
            again = await self._begun_again(seen) if isinstance(problem, LedgerDamaged) else None
            if again is not None:
                return again
            self._failed, self._failed_at = monotonic(), newest
            return replace(seen, problem=str(problem))

    async def _begun_again(self, seen: Seen) -> Seen | None:
        """Return another campaign whose ledger has taken the place of the known one; None if there is none."""
        try:
            found = await _read_on(Seen(), self.place.ledger(self.name))
        except (OvernightError, OSError):
            return None
        known, other = seen.history.defined, found.history.defined
        if known is None or other is None or known.uid == other.uid:
            return None
        self._forget()
        return found

    def _forget(self) -> None:
        """Forget what was read of a ledger that is gone, so that the next one is not taken for it."""
        self._ledger, self._failed_at = self.place.ledger(self.name), -1
        self._parts, self.learnt, self.told = {}, None, None
        # An answer about the old campaign may still come; it is kept by the old one.
        self.learning = self._new_learning()

    def _new_learning(self) -> Learning:
        return Learning(LedgerPlace(url=self.place.address, campaign=self.name), self._one_model_at_a_time)

    def _silent(self) -> str:
        return (
            f"{self.place.location(self.name)}: expected an answer from the ledger's store, found none for some "
            "seconds. It is asked again until it answers; what is shown may be out of date."
        )

    def _nothing(self) -> LedgerError:
        return LedgerError(
            f"{self.place.location(self.name)}: expected the ledger of campaign `{self.name}`, found nothing. This "
            "page shows the campaign as soon as it has begun: overnight run CAMPAIGN"
        )

    def _gone(self) -> LedgerError:
        return LedgerError(
            f"{self.place.location(self.name)}: expected the ledger of campaign `{self.name}`, found that its newest "
            "segments are gone. Was the ledger moved or deleted? Bring it back, and this page shows it again."
        )


def seen_of(followed: Followed | None) -> Seen:
    """Return a campaign as far as it has been read."""
    return Seen() if followed is None else followed.seen


async def _read_on(seen: Seen, ledger: ParquetLedger) -> Seen:
    """Return what is known after all segments that were appended to a ledger since."""
    segments = await ledger.read(after=seen.head)
    return await asyncio.to_thread(_extended, seen, ledger, segments) if segments else seen


def _extended(seen: Seen, ledger: ParquetLedger, segments: Sequence[Segment]) -> Seen:
    events, head = [event for segment in segments for event in segment.events], segments[-1].number
    deeds = (*seen.deeds, *(event for event in events if is_deed(event)))
    history = seen.history.extended(events)
    return Seen(head, ledger.hash_of(head), history, deeds, controller_lives(history))
