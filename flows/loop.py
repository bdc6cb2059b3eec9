"""Runs one campaign: keeps the workers busy, writes everything down before and after, and can be killed anywhere."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

from campaign import EvaluationFailed, EvaluationOutcome, EvaluationRequest, History, Proposal, Trial
from campaign.errors import CampaignHeld, CampaignStopped, LedgerMoved, SpaceExhausted
from campaign.evaluation import EvaluationReport
from campaign.events import (
    AttemptStarted,
    CampaignDrained,
    CampaignFinished,
    Event,
    MeasurementReported,
    TrialProposed,
)
from campaign.spending import room, spending
from flows.clock import Clock
from flows.commit import running_commit
from flows.job import Execution, Job, Steps, evaluation_seed
from flows.journal import Journal
from flows.lease import CONTROLLER, show_life, take_lease
from flows.opening import open_campaign
from flows.outcomes import outcome_events
from flows.shift import Shift
from flows.stop import Stop, StopRequest


async def run_loop(
    job: Job,
    steps: Steps,
    clock: Clock,
    stop: StopRequest,
    watch: Callable[[History], None] = lambda history: None,
    tell: Callable[[str], None] = lambda text: None,
) -> History:
    """Run a campaign to its end, or resume it wherever its last controller stopped, and return its history.

    Write-ahead: a trial and its attempt are durable before the evaluator is called; an outcome is durable before
    its slot is used again. `tell` hears what somebody who waits should know. Raises CampaignHeld if another controller
    acts, CampaignStopped after too many failures.
    """
    journal = Journal(job.ledger, watch)
    await open_campaign(journal, job.campaign, job.settings, clock)
    await take_lease(journal, clock, job.rhythm, stop, tell)
    controller = _Controller(job, steps, clock, stop, journal)
    try:
        await controller.work()
    finally:
        with suppress(CampaignHeld):
            await controller.stop_everything()
    return await controller.close()


class _Controller:
    """The state of a running campaign that is not in the ledger: what is in flight."""

    def __init__(self, job: Job, steps: Steps, clock: Clock, stop: StopRequest, journal: Journal) -> None:
        self.job, self.steps, self.clock, self.stop, self.journal = job, steps, clock, stop, journal
        self.campaign, self.shift = job.campaign, Shift(job, clock)
        self.life = asyncio.create_task(show_life(journal, job.rhythm))
        self.running: dict[asyncio.Task[EvaluationOutcome | None], tuple[int, int]] = {}
        self.proposing: asyncio.Task[list[Proposal]] | None = None
        self.proposal_asked, self.proposal_saw, self.proposal_first = 0.0, 0, 0
        self.reports: list[Event] = []
        self.woken = asyncio.Event()
        self.failed_in_a_row = 0
        self.trouble: Exception | None = None
        self.exhausted = False

    @property
    def history(self) -> History:
        return self.journal.history

    async def work(self) -> None:
        """Go round until nothing runs and nothing more is to be started."""
        self._recover()
        while True:
            await self._start_what_waits()
            self._ask_for_proposals()
            if not self.running and self.proposing is None:
                return
            if self.stop.level is Stop.NOW or self.shift.is_over():
                return
            await self._wait()
            await self._write_what_ended()
            await self._write_proposals()

    async def stop_everything(self) -> None:
        """End every evaluation and the proposal in flight, and write down how they ended."""
        in_flight = [self.life, *self.running, *([self.proposing] if self.proposing else [])]
        for task in in_flight:
            task.cancel()
        await asyncio.gather(*in_flight, return_exceptions=True)
        await self._write_what_ended()

    async def close(self) -> History:
        """Write down whether the campaign is over, and return its history."""
        lease = self.history.lease
        assert lease is not None
        over = self._budget_spent()
        kind = CampaignFinished if over else CampaignDrained
        reason = over or str(self.trouble or self._why_drained())
        await self.journal.insist_as_holder(
            [kind(time=self.clock.now(), actor=CONTROLLER, epoch=lease.epoch, reason=reason)]
        )
        if self.trouble and not over:
            raise self.trouble
        return self.history

    def _why_drained(self) -> str:
        if self.stop.level is not Stop.NO:
            return "asked to stop"
        why = self.shift.why_it_ends(self.history)
        return why or "what is left of the cost budget is kept for evaluations that somebody runs by hand"

    def _recover(self) -> None:
        for trial in self.history.trials.values():
            attempt = trial.open_attempt
            # Whoever asked for a trial by hand tells how it ended, whenever that may be.
            if attempt is not None and attempt.actor == CONTROLLER:
                self._execute(trial, attempt.number, attempt.key, recover=True)

    async def _start_what_waits(self) -> None:
        """Start pending trials that have no attempt under way, as far as there are slots."""
        slots = min(self.campaign.workers - len(self.running), self._room())
        if not self._may_start() or slots <= 0:
            return
        trials = self._waiting()[:slots]
        if trials:
            await self.journal.insist_as_holder(
                [self._attempt_event(trial.id, len(trial.attempts) + 1) for trial in trials]
            )
        for trial in trials:
            attempt = self.history.trials[trial.id].attempts[-1]
            self._execute(trial, attempt.number, attempt.key, recover=False)

    def _waiting(self) -> list[Trial]:
        in_flight = {trial for trial, _ in self.running.values()}
        trials = self.history.trials.values()
        return [t for t in trials if t.pending and t.open_attempt is None and t.id not in in_flight]

    def _attempt_event(self, trial: int, number: int) -> AttemptStarted:
        defined = self.history.defined
        assert defined is not None
        now = self.clock.now()
        key = f"{self.campaign.name}-{defined.uid}/{trial}/{number}"
        deadline = now + self.job.evaluator.time_limit
        return AttemptStarted(time=now, actor=CONTROLLER, trial=trial, attempt=number, key=key, deadline=deadline)

    def _execute(self, trial: Trial, attempt: int, key: str, *, recover: bool) -> None:
        request = EvaluationRequest(
            campaign=self.campaign.name,
            trial=trial.id,
            attempt=attempt,
            key=key,
            parameters=trial.point,
            seed=evaluation_seed(self.campaign, trial.id),
            expected_metrics=self.campaign.expected_metrics,
            deadline=self.history.trials[trial.id].attempts[-1].deadline,
        )
        execution = Execution(
            evaluator=self.job.evaluator,
            request=request,
            folder=self.job.work / key,
            report=lambda report: self._hear(trial.id, attempt, report),
            recover=recover,
        )
        self.running[asyncio.create_task(self.steps.evaluate(execution))] = (trial.id, attempt)

    def _hear(self, trial: int, attempt: int, report: EvaluationReport) -> None:
        self.reports.append(
            MeasurementReported(
                time=self.clock.now(),
                actor=CONTROLLER,
                trial=trial,
                attempt=attempt,
                step=report.step,
                metrics=report.metrics,
            )
        )
        self.woken.set()

    def _ask_for_proposals(self) -> None:
        """Ask for as many points as there are free slots, if none are being computed and the budget allows."""
        free = self.campaign.workers - len(self.running)
        left = self.campaign.budget.trials - self.history.budgeted
        q = min(free, left, self._room())
        if self.proposing is None and q > 0 and self._may_start() and not self.exhausted:
            self.proposal_asked, self.proposal_saw = _passed(), self.journal.events_seen
            self.proposal_first = self.history.next_trial
            self.proposing = asyncio.create_task(self.steps.propose(self.job, self.history, q))

    def _may_start(self) -> bool:
        willing = self.stop.level is Stop.NO and self.trouble is None
        return willing and self._time_left() > 0 and self.shift.has_time(self.history)

    def _room(self) -> int:
        """Return how many more evaluations the budgets of evaluations and of cost allow now."""
        return room(self.history.trials.values(), self.campaign.budget)

    def _time_left(self) -> float:
        limit = self.campaign.budget.wall_clock
        if limit is None:
            return float("inf")
        spent = timedelta(seconds=self.history.active_seconds)
        last = self.history.active_until
        # A clock that was set back gives nothing back.
        spent += max(self.clock.now() - last, timedelta()) if last is not None else timedelta()
        return (limit - spent).total_seconds()

    def _budget_spent(self) -> str | None:
        if self.history.started >= self.campaign.budget.trials and not self._waiting():
            return f"all {self.campaign.budget.trials} trials of the budget have been tried"
        if self.exhausted and not self._waiting():
            return "every point of the space has been tried"
        if spent := spending(self.history.trials.values()).spent(self.campaign.budget):
            return spent
        return "the wall-clock budget is spent" if self._time_left() <= 0 else None

    async def _wait(self) -> None:
        """Return when an evaluation or a proposal has ended, a report was heard or a stop was asked for.

        Raises CampaignHeld when another controller has taken over.
        """
        nudges = [
            asyncio.create_task(self.woken.wait()),
            asyncio.create_task(self.stop.wait(above=self.stop.level)),
            asyncio.create_task(self.shift.wait()),
        ]
        waiting: set[asyncio.Task[object]] = {*self.running, *nudges, self.life}  # pyright: ignore[reportAssignmentType]
        if self.proposing is not None:
            waiting.add(self.proposing)  # pyright: ignore[reportArgumentType]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if self.life.done():
                self.life.result()
        finally:
            for nudge in nudges:
                nudge.cancel()
        self.woken.clear()

    async def _write_what_ended(self) -> None:
        events, self.reports = self.reports, []
        ended = [task for task in self.running if task.done()]
        for task in ended:
            trial, attempt = self.running[task]
            outcome = _outcome_of(task)
            self._count_failures(outcome)
            events += outcome_events(
                self.campaign, self.history.trials[trial], attempt, outcome, self.clock.now(), CONTROLLER
            )
        if events:
            await self.journal.insist_as_holder(events)
        for task in ended:
            del self.running[task]

    def _count_failures(self, outcome: EvaluationOutcome) -> None:
        if not isinstance(outcome, EvaluationFailed):
            self.failed_in_a_row = 0
        elif outcome.cause not in ("cancelled", "infeasible"):
            self.failed_in_a_row += 1
        if self.failed_in_a_row >= self.campaign.failures.max_in_a_row:
            assert isinstance(outcome, EvaluationFailed)
            self.trouble = CampaignStopped(
                f"{self.failed_in_a_row} evaluations in a row failed, so no more are started "
                "(`failures.max_in_a_row`). "
                f"The last one ({outcome.cause}): {outcome.message}\nMend the evaluator and run the campaign again: "
                "it goes on where it stopped."
            )

    async def _write_proposals(self) -> None:
        if self.proposing is None or not self.proposing.done():
            return
        task, self.proposing = self.proposing, None
        error = task.exception()
        if isinstance(error, SpaceExhausted):
            self.exhausted = True
            return
        if error is not None:
            # What runs is still worth recording: it is raised once everything has ended.
            self.trouble = error if isinstance(error, Exception) else CampaignStopped(repr(error))
        if not self._may_start():
            return
        proposals = task.result()
        first, now = self.history.next_trial, self.clock.now()
        seconds = _passed() - self.proposal_asked
        extra = {"events_seen": self.proposal_saw, "seconds": seconds, "commit": running_commit()}
        events = [
            TrialProposed(
                time=now,
                actor=CONTROLLER,
                trial=first + i,
                point=proposal.point,
                generator=proposal.generator,
                provenance=proposal.provenance and proposal.provenance.model_copy(update=extra),
            )
            for i, proposal in enumerate(proposals)
        ]
        # Who brought a trial of their own meanwhile came first, and so does who is to be tried again where little of
        # a budget is left: these points are computed anew.
        if first == self.proposal_first and len(events) <= self._room() - len(self._waiting()):
            with suppress(LedgerMoved):
                await self.journal.insist_as_holder(events)


def _passed() -> float:
    """Return seconds of a clock that nobody sets; only differences mean anything."""
    return asyncio.get_running_loop().time()


def _outcome_of(task: asyncio.Task[EvaluationOutcome | None]) -> EvaluationOutcome:
    """Return how an attempt ended, also where the evaluator broke its promise and raised."""
    if task.cancelled():
        return EvaluationFailed(cause="cancelled", message="stopped by the controller")
    error = task.exception()
    if error is not None:
        cause = "timeout" if isinstance(error, TimeoutError) else "infrastructure"
        return EvaluationFailed(cause=cause, message=f"{type(error).__name__}: {error}")
    outcome = task.result()
    if outcome is None:
        return EvaluationFailed(cause="cancelled", message="its controller died and it left no result")
    return outcome
