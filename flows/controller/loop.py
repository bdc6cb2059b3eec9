"""Runs one campaign: keeps the workers busy, writes everything down before and after, and can be killed anywhere."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from overnight.campaign import Campaign, EvaluationFailed, EvaluationOutcome, EvaluationRequest, History, Trial
from overnight.campaign.errors import CampaignHeld, CampaignStopped
from overnight.campaign.evaluation import EvaluationReport
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDrained,
    CampaignFinished,
    Event,
    MeasurementReported,
    TrialProposed,
    TrialStopped,
)
from overnight.evaluators.sources import Sources
from overnight.flows.controller.asking import Answered
from overnight.flows.controller.forgotten import end_forgotten
from overnight.flows.controller.job import Execution, Job, Steps, evaluation_seed
from overnight.flows.controller.machine import Machine, is_the_machines, takes_back_pause
from overnight.flows.controller.preparation import Preparation
from overnight.flows.controller.shift import Shift
from overnight.flows.controller.through_engine import through_engine
from overnight.flows.host.clock import Clock
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.rules.allowance import Allowance
from overnight.flows.rules.early_stopping import not_yet_known, stops
from overnight.flows.rules.evaluator_changes import (
    changed_evaluator,
    changed_sources,
    note_on,
    refusal,
    refuse_changed,
)
from overnight.flows.rules.failures_in_a_row import FailuresInARow
from overnight.flows.rules.new_trials import attempt_event
from overnight.flows.rules.outcomes import outcome_events
from overnight.flows.rules.resuming import resumed_with
from overnight.flows.rules.unknown_fate import is_unknown, presumed_dead, question, undecided
from overnight.flows.session.hearing import hear_people, level_asked
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import CONTROLLER, show_life, take_lease
from overnight.flows.session.opening import open_campaign
from overnight.report.summary import request_text


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
    await journal.refresh()
    sources = job.sources()
    if job.refuse_changed:
        refuse_changed(journal.history, sources)
    await open_campaign(journal, job.campaign, job.settings, clock, tell)
    resumed = resumed_with(journal.history), note_on(journal.history, sources)
    await take_lease(journal, clock, job.rhythm, stop, tell, sources)
    for text in resumed:
        if text is not None:
            tell(text)
    controller = _Controller(job, steps, clock, stop, journal, tell)
    try:
        await controller.work()
    finally:
        with suppress(CampaignHeld):
            await controller.stop_everything()
    return await controller.close()


class _Controller:
    """The state of a running campaign that is not in the ledger: what is in flight."""

    def __init__(
        self,
        job: Job,
        steps: Steps,
        clock: Clock,
        stop: StopRequest,
        journal: Journal,
        tell: Callable[[str], None],
    ) -> None:
        self.job, self.steps, self.clock, self.stop, self.journal, self.tell = job, steps, clock, stop, journal, tell
        self.machine = Machine(job)
        self.shift = Shift(job, clock)
        self.life = asyncio.create_task(show_life(journal, job.rhythm))
        self.running: dict[asyncio.Task[EvaluationOutcome | None], tuple[int, int]] = {}
        self.preparation = Preparation(job, steps)
        self.failures = FailuresInARow(job.work)
        self.reports: list[MeasurementReported] = []
        self.woken = asyncio.Event()
        self.listener = asyncio.create_task(hear_people(journal, job.rhythm, self.woken))
        self.trouble: Exception | None = None

    @property
    def history(self) -> History:
        return self.journal.history

    @property
    def campaign(self) -> Campaign:
        """Return what is asked for now; people may revise it meanwhile."""
        return self.history.definition

    def allowed(self, history: History | None = None) -> Allowance:
        """Return what may be started now, in the light of what this controller knows or of another history."""
        history = history or self.history
        return Allowance(
            history=history,
            now=self.clock.now(),
            in_flight=frozenset(trial for trial, _ in self.running.values()),
            running=len(self.running),
            willing=self.stop.level is Stop.NO and self.trouble is None,
            in_window=self.shift.has_time(history),
            exhausted=self.preparation.exhausted(history),
            rests=self.machine.rests,
        )

    async def work(self) -> None:
        """Go round until nothing runs and nothing more is to be started."""
        await end_forgotten(self.job, self.history, self.tell)
        self._recover()
        # What is to be ended must have begun, or it would never learn of it.
        await asyncio.sleep(0)
        while True:
            self.stop.ask_for(level_asked(self.history))
            self._end_what_has_an_outcome()
            await self.machine.look(self.journal, self.clock, self.tell, wanted=self.allowed().wants_to_start)
            await self._start_what_waits()
            allowed = self.allowed()
            self.preparation.ask(allowed, self.journal.events_seen)
            proposes = bool(self.preparation.tasks) and allowed.unproposed > 0
            if not self.running and not proposes and not allowed.held_back and not self._pauses(allowed):
                return
            if self.stop.level is Stop.NOW or self.shift.is_over(self.history):
                return
            await self._wait()
            await self._write_what_ended()
            await self._write_proposals()

    async def stop_everything(self) -> None:
        """End every evaluation and the proposals in flight, and write down how they ended."""
        try:
            await _end([self.listener, *self.running, *self.preparation.tasks])
            await self._write_what_ended()
        finally:
            # Until nothing runs any more nobody else is to take this controller for dead.
            await _end([self.life])

    async def close(self) -> History:
        """Write down whether the campaign is over, and return its history."""
        lease = self.history.lease
        assert lease is not None
        asked = undecided(self.campaign, self.history.trials.open)
        over = None if asked else self.allowed().why_over
        kind = CampaignFinished if over else CampaignDrained
        reason = over or str(self.trouble or asked or self._why_drained())
        end = kind(time=self.clock.now(), actor=CONTROLLER, epoch=lease.epoch, reason=reason)

        def closes(history: History) -> list[Event]:
            self.journal.check_lease(history)
            return [*takes_back_pause(history, self.clock), end]

        await self.journal.insist(closes)
        if self.trouble and not over:
            raise self.trouble
        return self.history

    def _why_drained(self) -> str:
        if (by := self.history.asked_to_stop) is not None:
            return request_text(by)
        if self.stop.level is not Stop.NO:
            return "asked to stop"
        why = self.shift.why_it_ends(self.history)
        return why or "what is left of the cost budget is kept for evaluations that somebody runs by hand"

    def _recover(self) -> None:
        for trial in self.history.trials.values():
            attempt = trial.open_attempt or trial.forsaken_attempt
            # Whoever asked for a trial by hand tells how it ended, whenever that may be.
            if attempt is not None and attempt.actor == CONTROLLER:
                self.failures.adopted.add((trial.id, attempt.number))
                self._execute(trial, attempt.number, attempt.key, recover=True)

    async def _start_what_waits(self) -> None:
        """Start pending trials that have no attempt under way, as far as there are slots."""
        started: list[AttemptStarted] = []
        if not self.allowed().to_start or self._refuses_changed(sources := self.job.sources()):
            return
        if (changed := note_on(self.history, sources)) is not None:
            self.tell(changed)

        def starts(history: History) -> list[AttemptStarted]:
            # Asked again whenever somebody appended first: what they ended or reported is not started.
            self.journal.check_lease(history)
            to_start = self.allowed(history).to_start
            started[:] = [self._attempt_event(t.id, len(t.attempts) + 1) for t in to_start]
            started[:1] = [e.model_copy(update={"sources": changed_sources(history, sources)}) for e in started[:1]]
            return started

        await self.journal.insist(starts)
        for event in started:
            self._execute(self.history.trials[event.trial], event.attempt, event.key, recover=False)

    def _refuses_changed(self, sources: Sources) -> bool:
        """Start nothing more if the evaluator has changed while the campaign runs, and that is not to be."""
        changed = changed_evaluator(self.history, sources) if self.job.refuse_changed else None
        if changed is not None:
            self.trouble = CampaignStopped(refusal(changed))
        return changed is not None

    def _attempt_event(self, trial: int, number: int) -> AttemptStarted:
        now = self.clock.now()
        return attempt_event(self.history, trial, number, now, CONTROLLER, now + self.job.evaluator.time_limit)

    def _execute(self, trial: Trial, attempt: int, key: str, *, recover: bool) -> None:
        request = EvaluationRequest(
            campaign=self.campaign.name,
            trial=trial.id,
            attempt=attempt,
            key=key,
            parameters=trial.point,
            seed=evaluation_seed(self.campaign, trial.id),
            expected_metrics=self.campaign.expected_metrics,
            objective=self.campaign.objective.metric,
            deadline=self.history.trials[trial.id].attempts[-1].deadline,
        )
        execution = Execution(
            evaluator=self.job.evaluator,
            request=request,
            folder=self.job.work / key,
            report=lambda report: self._hear(trial.id, attempt, report),
            recover=recover,
        )
        # One that is only there to be ended is not worth an engine's while.
        running = through_engine(self.steps, execution) if trial.outcome is None else execution.run()
        self.running[asyncio.create_task(running)] = (trial.id, attempt)

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

    def _pauses(self, allowed: Allowance) -> list[float]:
        """Return after how many seconds there is something to do, though nothing has ended meanwhile."""
        opening = self.shift.seconds_to_opening(self.history) if allowed.willing and allowed.why_over is None else None
        held_back, proposer = allowed.seconds_held_back, self.preparation.pause(allowed)
        machine = self.machine.pause if allowed.wants_to_start else None
        pauses = allowed.seconds_to_next_start, held_back, proposer, opening, machine
        return [pause for pause in pauses if pause is not None]

    async def _wait(self) -> None:
        """Return when something has ended, was heard or asked for, or when a trial has waited long enough.

        Raises CampaignHeld when another controller has taken over.
        """
        nudges = [
            asyncio.create_task(self.woken.wait()),
            asyncio.create_task(self.stop.wait(above=self.stop.level)),
            asyncio.create_task(self.shift.wait(self.history)),
        ]
        pauses = self._pauses(self.allowed())
        nudges += [asyncio.create_task(self.clock.sleep(pause)) for pause in pauses]
        waiting: set[asyncio.Task[Any]] = {
            *self.running,
            *self.preparation.tasks,
            *nudges,
            self.life,
            self.listener,
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for watch in (self.life, self.listener):
                if watch.done():
                    watch.result()
        finally:
            for nudge in nudges:
                nudge.cancel()
        self.woken.clear()

    def _end_what_has_an_outcome(self) -> None:
        for task, (trial, _) in self.running.items():
            if self.history.trials[trial].outcome is not None and not task.done() and not task.cancelling():
                task.cancel()

    async def _write_what_ended(self) -> None:
        reports, self.reports = not_yet_known(self.history, self.reports), []
        ended = {task: self._known_outcome_of(task) for task in self.running if task.done()}
        now = self.clock.now()

        def ends(history: History) -> list[Event]:
            # Asked again whenever somebody appended first, who may have abandoned one of these trials.
            self.journal.check_lease(history)
            events: list[Event] = [*reports]
            for task, outcome in ended.items():
                number, attempt = self.running[task]
                trial = history.trials[number]
                if outcome is None:
                    events += question(trial, trial.attempts[-1], now) if trial.outcome is None else []
                else:
                    events += outcome_events(self.campaign, trial, attempt, outcome, now, CONTROLLER)
            return events

        if reports or ended:
            await self.journal.insist(ends)
        for task in ended:
            self.trouble = self.failures.after(self.history, *self.running.pop(task)) or self.trouble
        await self._stop_early(reports)

    async def _stop_early(self, heard: list[MeasurementReported]) -> None:
        """Write down which trials are to be stopped after what was heard of them; what runs of them is ended next."""

        def decided(history: History) -> list[TrialStopped]:
            self.journal.check_lease(history)
            # What has ended well by now is a result, though nobody has written it down yet.
            at_work = {about for task, about in self.running.items() if not task.done()}
            asked = [report for report in heard if (report.trial, report.attempt) in at_work]
            return stops(history, asked, self.clock.now(), CONTROLLER)

        if heard and self.campaign.stop_early is not None:
            await self.journal.insist(decided)

    def _known_outcome_of(self, task: asyncio.Task[EvaluationOutcome | None]) -> EvaluationOutcome | None:
        """Return how an attempt ended; None where that cannot be known and a person is to be asked."""
        trial, _ = self.running[task]
        outcome = self.machine.judged(_outcome_of(task), trial, self.campaign.workers)
        started = self.history.trials[trial].attempts[-1]
        if not isinstance(outcome, EvaluationFailed) or not is_unknown(started, outcome):
            return outcome
        return None if self.campaign.failures.when_unknown == "ask" else presumed_dead(started, outcome)

    async def _write_proposals(self) -> None:
        try:
            answers = self.preparation.answered()
        except Exception as error:
            # What runs is still worth recording: it is raised once everything has ended.
            self.trouble = error
            return
        for answer in answers:
            await self.journal.insist(partial(self._proposed, answer, self.clock.now()))

    def _proposed(self, answer: Answered, now: datetime, history: History) -> list[TrialProposed]:
        """Return the trials to be added; none where the points have to be computed anew."""
        # Asked again whenever somebody appended first, who may have added a trial, paused or revised the campaign.
        self.journal.check_lease(history)
        allowed = self.allowed(history)
        # What is to be tried again comes first where little of a budget is left.
        fits = (
            allowed.may_start
            and allowed.why_no_more is None
            and len(answer.proposals) <= allowed.room - len(allowed.waiting)
        )
        return answer.events(history, now) if fits and not answer.is_out_of_date(history) else []


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait for their ends."""
    for task in tasks:
        # Whoever is being ended already would be disturbed at that.
        if not task.cancelling():
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _outcome_of(task: asyncio.Task[EvaluationOutcome | None]) -> EvaluationOutcome:
    """Return how an attempt ended, also where the evaluator broke its promise and raised."""
    if task.cancelled():
        return EvaluationFailed(cause="cancelled", message="stopped by the controller")
    error = task.exception()
    if error is not None:
        cause = "timeout" if isinstance(error, TimeoutError) else "infrastructure"
        message, machine = f"{type(error).__name__}: {error}", is_the_machines(error)
        return EvaluationFailed(cause=cause, message=message, machine=machine)
    outcome = task.result()
    if outcome is None:
        return EvaluationFailed(cause="cancelled", message="its controller died and it left no result", lost=True)
    return outcome
