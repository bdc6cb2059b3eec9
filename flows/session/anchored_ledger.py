"""A ledger that writes receipts of itself to an outside file while it grows."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Thread

from overnight.campaign.errors import OvernightError
from overnight.campaign.history.events import Event
from overnight.flows.host.clock import Clock
from overnight.storage import Heartbeat, ParquetLedger, Receipt, Segment, add_receipt


@dataclass(frozen=True)
class AnchorPlan:
    """The file for receipts, and the number of segments or the time after which the next one is due."""

    file: Path
    location: str
    segments: int = 100
    period: timedelta = timedelta(minutes=10)
    # How long the end of a campaign waits for a file that does not respond.
    patience: timedelta = timedelta(seconds=10)


class AnchoredLedger:
    """A Ledger that adds receipts to a file: of the segments it finds, while it grows, and when it is closed.

    A thread writes them, one at a time, so that no append waits for the file. The first problem with the file is
    reported; none is raised. The ledger is for one reader that starts at the first segment, as a controller does.
    """

    def __init__(self, ledger: ParquetLedger, plan: AnchorPlan, clock: Clock, notify: Callable[[str], None]) -> None:
        self._ledger, self._plan, self._clock, self._tell = ledger, plan, clock, notify
        self._segment = self._events = 0
        self._tried: tuple[int, datetime] | None = None
        self._written = 0
        self._thread: Thread | None = None
        self._reported = False

    @property
    def heartbeat(self) -> Heartbeat:
        """Return the ledger's heartbeat."""
        return self._ledger.heartbeat

    async def append(self, events: Sequence[Event], *, after: int) -> int:
        """Append as the ledger does, and add a receipt if one is due."""
        number = await self._ledger.append(events, after=after)
        self._count(number, len(events))
        self._add_if_due()
        return number

    async def read(self, *, after: int = 0) -> tuple[Segment, ...]:
        """Read as the ledger does, and add a receipt if one is due."""
        segments = await self._ledger.read(after=after)
        for segment in segments:
            self._count(segment.number, len(segment.events))
        self._add_if_due()
        return segments

    async def close(self) -> None:
        """Add a receipt of the newest segment, and wait until it is on the disk or patience ends."""
        await self._idle()
        if self._segment > self._written and not self._busy:
            self._add()
            await self._idle()
        if self._busy:
            self._report(
                f"receipts `{self._plan.file}`: the file does not respond, so the last receipt was not added. The "
                "ledger is whole without it; `overnight verify` adds it."
            )

    def _count(self, number: int, events: int) -> None:
        # A receipt needs the number of all events, so a segment counts only if all before it have been counted.
        if number == self._segment + 1:
            self._segment, self._events = number, self._events + events

    def _add_if_due(self) -> None:
        if self._busy or self._segment == 0:
            return
        if self._tried is not None:
            segment, time = self._tried
            grown, passed = self._segment - segment, self._clock.now() - time
            # A clock that was set back must not delay the next receipt.
            if grown == 0 or (grown < self._plan.segments and abs(passed) < self._plan.period):
                return
        self._add()

    def _add(self) -> None:
        now = self._clock.now()
        self._tried = self._segment, now
        self._thread = Thread(target=self._write, args=(self._segment, self._events, now), name="receipt", daemon=True)
        self._thread.start()

    def _write(self, number: int, events: int, now: datetime) -> None:
        try:
            head = self._ledger.hash_of(number)
            receipt = Receipt(ledger=self._plan.location, segment=number, events=events, hash=head, time=now)
            add_receipt(self._plan.file, receipt)
            self._written = number
        except OvernightError as problem:
            self._report(f"{problem} The campaign continues, and tries again when the next receipt is due.")

    def _report(self, problem: str) -> None:
        if not self._reported:
            self._reported = True
            self._tell(problem)

    @property
    def _busy(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    async def _idle(self) -> None:
        """Wait until no receipt is being written or patience ends."""
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, self._plan.patience.total_seconds())
