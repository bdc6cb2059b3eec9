"""An evaluator that sends its evaluations to the place under `run_on`, and recovers them from there."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from overnight.campaign import EvaluationFailed, EvaluationRequest
from overnight.campaign.errors import LedgerError
from overnight.campaign.evaluation import EvaluationAnswer
from overnight.campaign.values.duration import format_duration
from overnight.evaluators import AnyEvaluator, Report
from overnight.evaluators.around import Around
from overnight.evaluators.attempt_process import passing_on
from overnight.flows.clusters.following import Following
from overnight.flows.clusters.gpus import HostGpus
from overnight.flows.clusters.launcher import Launcher
from overnight.flows.clusters.order import CLAIM, SENT, Order, Pulse, read_claim
from overnight.flows.clusters.places.any_place import AnyPlace
from overnight.flows.clusters.places.here import Here
from overnight.flows.clusters.places.nowhere import Nowhere
from overnight.flows.clusters.resources import Resources
from overnight.flows.host.attempt_key import attempt_number, trial_part
from overnight.storage import Mailboxes

_LONGEST_PAUSE = 10.0
_place = TypeAdapter[AnyPlace](AnyPlace)


@dataclass(frozen=True)
class SentEvaluator(Around):
    """An Evaluator that has another one evaluate at a place, and follows each attempt through its mailbox.

    An attempt has its whole time limit once a worker has begun it. On this machine, it first waits until it holds its
    `gpus`, if it needs any.
    """

    evaluator: AnyEvaluator
    place: AnyPlace
    resources: Resources
    ledger: str
    work: str
    mailboxes: Mailboxes
    pulse: Pulse
    notify: Callable[[str], None] = lambda text: None
    gpus: HostGpus | None = None
    launchers: dict[AnyPlace | Nowhere, Launcher] = field(default_factory=dict)

    @property
    def patience(self) -> timedelta:
        """Return how much longer an attempt may take: it waits for a worker and its signs of life, or for GPUs."""
        if isinstance(self.place, Here):
            return timedelta() if self.gpus is None else self.gpus.longest_wait
        return self.place.start_within + 2 * timedelta(seconds=self.pulse.silence) + self.grace

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer:
        """Have the point tried once at the place, and return how it ended."""
        if isinstance(self.place, Here):
            return await self._evaluate_here(request, folder, report)
        avoid = await self._earlier_workers(request)
        # The next controller looks there, even if the campaign file names another place by then.
        await self.mailboxes.of(request.key).put(SENT, self.place.model_dump_json())
        return await self._following(request, self.place, report).to_its_end(avoid)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer | None:
        """Return how an attempt of a dead controller ended, at the place that it was sent to."""
        finding = asyncio.create_task(self._recorded_place(request))
        try:
            sent = await asyncio.shield(finding)
        except asyncio.CancelledError:
            # The attempt runs there regardless, and would run to its end.
            if (sent := await finding) is None:
                return await _stopped(self.evaluator.recover(request, folder, report))
            await self._following(request, _read_place(sent), report).end()
            raise
        if sent is None:
            return await self.evaluator.recover(request, folder, report)
        # An order that the cluster has not seen, or has forgotten, is sent again: its key is evaluated only once.
        return await self._following(request, _read_place(sent), report).to_its_end()

    async def _evaluate_here(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer:
        if self.gpus is None:
            return await self.evaluator.evaluate(request, folder, report)
        passed = asyncio.get_running_loop().time
        asked = passed()
        if (held := await self.gpus.take(request.key)) is None:
            waited = format_duration(self.gpus.longest_wait)
            needed = f"{self.gpus.each} of the GPUs {', '.join(self.gpus.names)}"
            held_by = f"the files in {self.gpus.folder} name the attempts that hold them"
            why = f"{needed} did not become free within {waited}; {held_by}"
            return EvaluationFailed(cause="infrastructure", message=why)
        if request.deadline is not None:
            deadline = request.deadline + timedelta(seconds=passed() - asked)
            request = request.model_copy(update={"deadline": deadline})
        with closing(held), passing_on(held.locks):
            return await self.evaluator.with_variables([held.variable]).evaluate(request, folder, report)

    async def _recorded_place(self, request: EvaluationRequest) -> str | None:
        patient = AsyncRetrying(
            retry=retry_if_exception_type(LedgerError), wait=wait_exponential(self.pulse.beat, max=_LONGEST_PAUSE)
        )
        # An attempt at an unknown place may still be running: to report its end would have the trial run twice.
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
            notify=self.notify,
        )

    async def _earlier_workers(self, request: EvaluationRequest) -> tuple[str, ...]:
        """Return the workers of the earlier attempts at this trial, if the cluster names its workers."""
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


def _read_place(sent: str) -> AnyPlace | Nowhere:
    try:
        return _place.validate_json(sent)
    except ValidationError:
        return Nowhere()


async def _stopped(recovering: Coroutine[Any, Any, EvaluationAnswer | None]) -> EvaluationAnswer | None:
    """Let a recovery end the attempt that it finds; return the attempt's outcome, if it had stored one by then."""
    task = asyncio.create_task(recovering)
    # A recovery that is cancelled before it has begun ends nothing.
    await asyncio.sleep(0)
    task.cancel()
    return await task
