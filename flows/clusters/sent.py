"""An evaluator whose evaluations run where `run_on` sends them, and are recovered from there."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from overnight.campaign import Campaign, EvaluationOutcome, EvaluationRequest
from overnight.campaign.errors import LedgerError
from overnight.evaluators import AnyEvaluator, Report
from overnight.flows.clusters.following import Following
from overnight.flows.clusters.here import Here
from overnight.flows.clusters.launcher import Launcher
from overnight.flows.clusters.nowhere import Nowhere
from overnight.flows.clusters.order import CLAIM, SENT, Order, Pulse, read_claim
from overnight.flows.clusters.place import AnyPlace
from overnight.flows.clusters.resources import Resources
from overnight.flows.host.attempt_key import attempt_number, trial_part
from overnight.storage import Mailboxes

_LONGEST_PAUSE = 10.0
_place = TypeAdapter[AnyPlace](AnyPlace)


@dataclass(frozen=True)
class SentEvaluator:
    """An Evaluator that has another one evaluate at a place, and follows that by the attempts' mailboxes."""

    evaluator: AnyEvaluator
    place: AnyPlace
    resources: Resources
    ledger: str
    work: str
    mailboxes: Mailboxes
    pulse: Pulse
    tell: Callable[[str], None] = lambda text: None
    launchers: dict[AnyPlace | Nowhere, Launcher] = field(default_factory=dict)

    @property
    def time_limit(self) -> timedelta:
        """Return how long one attempt may take once a worker has begun it."""
        return self.evaluator.time_limit

    @property
    def grace(self) -> timedelta:
        """Return how long what an attempt started may take to end by itself, once it is asked to."""
        return self.evaluator.grace

    @property
    def patience(self) -> timedelta:
        """Return how long an attempt may take beyond that: waiting for a worker, and for a sign of life of it."""
        if isinstance(self.place, Here):
            return timedelta()
        return self.place.start_within + 2 * timedelta(seconds=self.pulse.silence) + self.grace

    def secrets(self) -> dict[str, str]:
        """Return what the evaluator keeps out of everything that is written down."""
        return self.evaluator.secrets()

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition if no evaluation of this campaign could succeed; evaluate nothing."""
        await self.evaluator.check(campaign)

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Have the point tried once at the place, and say how it ended."""
        if isinstance(self.place, Here):
            return await self.evaluator.evaluate(request, folder, report)
        avoid = await self._workers_that_failed(request)
        # Whoever comes after this controller looks there, whatever the campaign's file says by then.
        await self.mailboxes.of(request.key).put(SENT, self.place.model_dump_json())
        return await self._following(request, self.place, report).to_its_end(avoid)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Return how an attempt ended whose controller has died, wherever that had sent it."""
        finding = asyncio.create_task(self._where_it_was_sent(request))
        try:
            sent = await asyncio.shield(finding)
        except asyncio.CancelledError:
            # It runs there all the same, and would to its end.
            if (sent := await finding) is None:
                return await _stopped(self.evaluator.recover(request, folder, report))
            await self._following(request, _where(sent), report).end()
            raise
        if sent is None:
            return await self.evaluator.recover(request, folder, report)
        # What the cluster has not seen, or has forgotten, is sent again: its key is evaluated once.
        return await self._following(request, _where(sent), report).to_its_end()

    async def _where_it_was_sent(self, request: EvaluationRequest) -> str | None:
        patient = AsyncRetrying(
            retry=retry_if_exception_type(LedgerError), wait=wait_exponential(self.pulse.beat, max=_LONGEST_PAUSE)
        )
        # While nobody knows where it was sent, nobody knows that it has ended: to say so would have it tried twice.
        return await patient(self.mailboxes.of(request.key).get, SENT)

    def _following(self, request: EvaluationRequest, place: AnyPlace | Nowhere, report: Report) -> Following:
        assert not isinstance(place, Here)
        if place not in self.launchers:
            self.launchers[place] = place.launcher(self.resources)
        return Following(
            order=Order(
                ledger=self.ledger, work=self.work, evaluator=self.evaluator, request=request, pulse=self.pulse
            ),
            mailbox=self.mailboxes.of(request.key),
            launcher=self.launchers[place],
            place=str(place),
            start_within=place.start_within,
            report=report,
            tell=self.tell,
        )

    async def _workers_that_failed(self, request: EvaluationRequest) -> tuple[str, ...]:
        """Return who had the earlier attempts at this trial, where the cluster names its workers."""
        if request.attempt == 1:
            return ()
        of_the_trial = self.mailboxes.of(trial_part(request.key))
        named = [(name, *name.split("/")) for name in await of_the_trial.names()]
        claims = [
            await of_the_trial.get(name)
            for name, last_part, *rest in named
            if rest == [CLAIM] and (attempt_number(last_part) or request.attempt) < request.attempt
        ]
        return tuple(claim.worker for text in claims if text and (claim := read_claim(text)).worker)


def _where(sent: str) -> AnyPlace | Nowhere:
    try:
        return _place.validate_json(sent)
    except ValidationError:
        return Nowhere()


async def _stopped(recovering: Coroutine[Any, Any, EvaluationOutcome | None]) -> EvaluationOutcome | None:
    """Have a recovery end what it finds; return the outcome that this had stored by then, if it had."""
    task = asyncio.create_task(recovering)
    # One that is cancelled before it has begun ends nothing.
    await asyncio.sleep(0)
    task.cancel()
    return await task
