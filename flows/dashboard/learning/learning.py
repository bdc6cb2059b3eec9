"""The model of one running campaign, asked again after enough new results while somebody looks at its page."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE

from pydantic import ValidationError

from overnight.campaign import History
from overnight.flows.dashboard.learning.learnt import Asked, Learnt, is_due, model_to_ask
from overnight.flows.host.own_packages import own_module
from overnight.flows.proposing.messages import LedgerPlace

# Seconds after which an answer is given up; it is asked for again after more results.
_PATIENCE = 600.0


class Learning:
    """Keeps the newest answer about a campaign; the campaigns of a dashboard are asked about `one_at_a_time`."""

    def __init__(self, place: LedgerPlace, one_at_a_time: asyncio.Semaphore) -> None:
        self._place, self._one_at_a_time = place, one_at_a_time
        self.learnt: Learnt | None = None
        self._tried: tuple[int, int] = (0, 0)
        self._asking: asyncio.Task[None] | None = None

    @property
    def mark(self) -> str:
        """Return a text that differs once there is a newer answer."""
        return "" if self.learnt is None else f"-learnt-{self.learnt.revision}-{self.learnt.results}"

    def of(self, history: History) -> Learnt | None:
        """Return the answer that holds for a campaign whose recommendation is not recorded yet."""
        known = self.learnt
        return known if known is not None and history.recommendation is None and known.holds_for(history) else None

    def ask_if_due(self, history: History) -> None:
        """Begin to ask the model if there are enough new results; returns at once."""
        if self._asking is not None or not is_due(history, self.learnt):
            return
        tried = history.trials.observed, 0 if history.revised is None else history.revised.revision
        # An answer that failed is not asked for again before something is new.
        if tried == self._tried:
            return
        self._tried = tried
        if model_to_ask(history) is not None:
            self._asking = asyncio.create_task(self._ask(history.events))

    async def _ask(self, events: int) -> None:
        try:
            async with self._one_at_a_time:
                found = await _answer(Asked(place=self._place, events=events))
            if found is not None:
                self.learnt = found
        finally:
            self._asking = None


async def _answer(asked: Asked) -> Learnt | None:
    """Return the answer of a new process; None if it has none."""
    process = await asyncio.create_subprocess_exec(
        *own_module("overnight.flows.dashboard.learning.process", str(os.getpid())),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,
    )
    try:
        text, _ = await asyncio.wait_for(process.communicate(asked.model_dump_json().encode()), _PATIENCE)
        return Learnt.model_validate_json(text)
    except (TimeoutError, ValidationError):
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
