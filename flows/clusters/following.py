"""Follow an attempt that runs on a cluster: launch it, read its mailbox, return its outcome."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError

from overnight.campaign import EvaluationFailed, EvaluationSucceeded
from overnight.campaign.errors import LedgerError
from overnight.campaign.evaluation import EvaluationAnswer, EvaluationOngoing, EvaluationReport
from overnight.campaign.values.duration import format_duration
from overnight.evaluators import Report
from overnight.flows.clusters.claims import claim_name, newest_number
from overnight.flows.clusters.launcher import Launcher
from overnight.flows.clusters.order import (
    BEAT,
    CLAIM,
    OUTCOME,
    REPORTS,
    STOP,
    Claim,
    Order,
    left_name,
    next_name,
    outcome_name,
    read_claim,
)
from overnight.flows.host.attempt_key import is_unique
from overnight.flows.host.identity import can_be_seen, process_started
from overnight.storage import Mailbox

# A slot idles until the end of its evaluation is seen: for at most this share of the time that the evaluation took.
_SHARE = 1 / 50
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_ASK_THE_CLUSTER_EVERY = 5.0
_LONG_WAIT = timedelta(seconds=30)
_outcome = TypeAdapter[EvaluationAnswer](EvaluationSucceeded | EvaluationFailed | EvaluationOngoing)


@dataclass
class Following:
    """One attempt that `launcher` starts at `place`, a name for people; `start_within` limits its wait for a worker."""

    order: Order
    mailbox: Mailbox
    launcher: Launcher
    place: str
    start_within: timedelta
    report: Report
    notify: Callable[[str], None] = lambda text: None
    claim: Claim | None = None
    number: int = -1
    beat: str | None = None
    trouble: str | None = None
    told: asyncio.Future[Any] | None = None
    read: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.launched = self.waiting_since = self.heard = self.looked = self.passed()
        self.asked = self.launched - _ASK_THE_CLUSTER_EVERY

    def passed(self) -> float:
        """Return the seconds of a clock that is never set."""
        return asyncio.get_running_loop().time()

    async def to_its_end(self, avoid: tuple[str, ...] = ()) -> EvaluationAnswer:
        """Launch the attempt, unless it was launched before, and return its outcome; if cancelled, end it first."""
        try:
            await self._launch(avoid)
            return await self._follow()
        except asyncio.CancelledError:
            await self.end()
            raise

    async def _launch(self, avoid: tuple[str, ...]) -> None:
        try:
            self.told = await self.launcher.launch(self.order, avoid)
        except Exception as problem:
            # The attempt may have been launched nevertheless, and may have begun.
            self.trouble = f"it could not be sent to {self.place}: {type(problem).__name__}: {problem}"

    async def _follow(self, *, stopping: bool = False) -> EvaluationAnswer:
        while True:
            with suppress(LedgerError):
                names = await self.mailbox.names()
                if CLAIM in names:
                    await self._read_reports(names)
                found = await self._read_outcome(names) or await self._given_up(names, stopping=stopping)
                if found is not None:
                    return found
            await self._pause()

    async def _pause(self) -> None:
        """Wait in proportion to the wait so far, or until the cluster reports that the attempt has ended."""
        waited = self.passed() - self.waiting_since
        pause = min(max(waited * _SHARE, _SHORTEST_PAUSE), _LONGEST_PAUSE)
        if self.told is None:
            await asyncio.sleep(pause)
            return
        await asyncio.wait({self.told}, timeout=pause)
        if self.told.done():
            # A reason to read the mailbox at once; only the mailbox decides whether the attempt has ended.
            self.told = None

    async def _read_outcome(self, names: tuple[str, ...]) -> EvaluationAnswer | None:
        name = await self._name_of_outcome(names)
        text = None if name is None else await self.mailbox.get(name)
        if text is None:
            return None
        # The last reports are stored before the outcome, but perhaps after the names were listed.
        await self._read_reports(await self.mailbox.names())
        try:
            return _outcome.validate_json(text)
        except ValidationError:
            why = f"expected the outcome of an evaluation as `{name}` in the mailbox, found something else"
            return EvaluationFailed(cause="infrastructure", message=why)

    async def _name_of_outcome(self, names: tuple[str, ...]) -> str | None:
        """Return the name of the stored outcome, if it is from the worker that claimed the attempt.

        An outcome without a claim is ignored. Workers of older versions stored it without the claim's mark.
        """
        if CLAIM not in names:
            return None
        await self._note_claim(names)
        assert self.claim is not None
        from_before = not self.claim.marks_outcome and not is_unique(self.order.request.key)
        if self.claim.host is None:
            return None
        name = OUTCOME if from_before else outcome_name(self.claim)
        return name if name in names else None

    async def _read_reports(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name.startswith(REPORTS) and name not in self.read:
                for line in (await self.mailbox.get(name) or "").split("\n"):
                    # A line that is not a report has no meaning for the evaluation, which continues.
                    with suppress(ValidationError):
                        self.report(EvaluationReport.model_validate_json(line))
                self.read.add(name)

    async def _given_up(self, names: tuple[str, ...], *, stopping: bool) -> EvaluationFailed | None:
        """Return the end of an attempt from which nothing more will come; None if something may."""
        if CLAIM not in names:
            return await self._never_began()
        await self._listen(names)
        assert self.claim is not None
        if self.claim.host is None:
            return _given_up(self.claim, began=self.number > 0)
        silent = self.passed() - self.heard
        # The processes of an evaluation end with their worker, and have this long to do so.
        to_end = self.order.evaluator.grace.total_seconds()
        grace = to_end + 2 * self.order.pulse.beat
        left = left_name(self.claim) in names
        if left or silent > grace:
            if self.claim.run is not None and await self.launcher.returns(self.order.request.key, self.claim):
                self.heard = self.passed()
                why = "stopped by its controller before it began again"
                return await self._closed(why, after=self.number) if stopping else None
            if how := await self._how_it_ended():
                return await self._ended(f"it left no result {self._where()}: {how}")
        # A worker that cannot leave a sign of life ends its evaluation after half of `silence`, which takes time, too.
        # The next run of its job waits as long before it begins.
        longest = (self.order.pulse.silence + to_end) * (2 if next_name(self.claim) in names else 1)
        if silent > longest or (stopping and silent > self.order.pulse.silence / 2 + grace):
            if left:
                return await self._ended(f"it was interrupted {self._where()}, and did not begin again")
            unseen = f"it ran {self._where()}, which has given no sign of life for {silent:.0f}s"
            return await self._ended("nothing more was heard of it", unseen)
        return None

    async def _ended(self, message: str, unseen: str | None = None) -> EvaluationFailed | None:
        """Return the failure of an attempt that had begun; None if its job has begun it again in the meantime.

        None as well if its outcome was stored after the names had been listed.
        """
        assert self.claim is not None
        if await self._name_of_outcome(await self.mailbox.names()) is not None:
            return None
        if self.claim.run is None:
            if unseen is None:
                # The cluster may be wrong. Then the worker finds this at its next sign of life and ends the evaluation.
                await self.mailbox.put(STOP, secrets.token_hex(8))
            return _given_up(Claim(mark="", reason=message, unseen=unseen))
        return await self._closed(message, after=self.number, unseen=unseen)

    async def _never_began(self) -> EvaluationFailed | None:
        waited = timedelta(seconds=self.passed() - self.launched)
        if waited > min(_LONG_WAIT, self.start_within / 2):
            self.notify(
                f"no worker of {self.place} has taken trial {self.order.request.trial} yet. Check that one is running "
                "and has the resources that the trial needs."
            )
        if waited > self.start_within:
            limit = format_duration(self.start_within)
            advice = "check that one is running and has the resources that it needs"
            why = f"no worker of {self.place} took it within {limit}; {advice}"
        elif self.trouble is not None:
            why = self.trouble
        elif how := await self._report_of_cluster(""):
            why = f"it did not begin: {how}"
        else:
            return None
        return await self._closed(why)

    async def _closed(self, why: str, after: int = -1, unseen: str | None = None) -> EvaluationFailed | None:
        """Claim the attempt so that no worker can, and return its end; None if a worker has claimed it first.

        `after` is the number of the claim that this one follows; the default follows none.
        """
        claim = Claim(mark=secrets.token_hex(8), reason=why, unseen=unseen)
        if not await self.mailbox.put(claim_name(after + 1), claim.model_dump_json()):
            return None
        await self.launcher.withdraw(self.order.request.key)
        return _given_up(claim, began=after >= 0)

    async def _listen(self, names: tuple[str, ...]) -> None:
        """Read the sign of life; time during which it could not be read does not count as silence."""
        await self._note_claim(names)
        now = self.passed()
        if self.beat is not None and now - self.looked < self.order.pulse.beat / 2:
            # The worker does not write it more often.
            return
        beat = await self.mailbox.get(BEAT) if BEAT in names else None
        # The answer itself may have taken long.
        now = self.passed()
        if beat != self.beat:
            self.beat, self.heard = beat, now
        elif now - self.looked > 2 * _LONGEST_PAUSE:
            self.heard += now - self.looked
        self.looked = now

    async def _note_claim(self, names: tuple[str, ...]) -> None:
        number = newest_number(names)
        if number > self.number:
            self.claim = read_claim(await self.mailbox.get(claim_name(number)) or "")
            self.number = number
            self.waiting_since = self.heard = self.looked = self.passed()

    async def _how_it_ended(self) -> str | None:
        claim = self.claim
        assert claim is not None
        if not claim.mark:
            return None
        # A job that is run again has another process then.
        if claim.run is None and can_be_seen(claim.started) and process_started(claim.pid) != claim.started:
            return f"its process {claim.pid} has died"
        return await self._report_of_cluster(claim.worker)

    async def _report_of_cluster(self, worker: str) -> str | None:
        if self.passed() - self.asked < _ASK_THE_CLUSTER_EVERY:
            return None
        self.asked = self.passed()
        return await self.launcher.ended(self.order.request.key, worker)

    def _where(self) -> str:
        assert self.claim is not None
        worker = f" ({self.claim.worker})" if self.claim.worker else ""
        return f"on host {self.claim.host}{worker}, for {self.place}"

    async def end(self) -> None:
        """Make sure that nothing of the attempt runs, as far as that can be known from here."""
        await self.launcher.withdraw(self.order.request.key)
        until = self.passed() + self.order.pulse.silence
        while not await self._stopped():
            if self.passed() > until:
                return
            await asyncio.sleep(self.order.pulse.beat)

    async def _stopped(self) -> bool:
        """Stop the attempt and return once nothing of it runs; return False if the ledger's store does not answer."""
        with suppress(LedgerError):
            if await self._closed("stopped by its controller before it began") is None:
                await self.mailbox.put(STOP, secrets.token_hex(8))
                self.waiting_since = self.passed()
                await self._follow(stopping=True)
            return True
        return False


def _given_up(claim: Claim, *, began: bool = True) -> EvaluationFailed:
    """Return the end of an attempt that its controller has closed; one that never began is no fault of its point."""
    lost = claim.unseen is not None
    return EvaluationFailed(
        cause="infrastructure", message=claim.reason, lost=lost, unseen=claim.unseen, machine=not began
    )
