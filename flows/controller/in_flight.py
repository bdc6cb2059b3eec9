"""The running attempts: execute or recover them, receive their reports, and record how they ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from overnight.campaign import EvaluationFailed, EvaluationOutcome, EvaluationRequest, History, Trial
from overnight.campaign.errors import CampaignStopped
from overnight.campaign.evaluation import EvaluationAnswer, EvaluationOngoing, EvaluationPlaced, EvaluationReport
from overnight.campaign.experiment.arms import arms_at
from overnight.campaign.history.events import AttemptPlaced, AttemptStarted, Event, MeasurementReported, TrialStopped
from overnight.campaign.history.trial import Attempt
from overnight.flows.controller.job import Execution, Job, Steps, evaluation_seed
from overnight.flows.controller.machine import Machine, is_the_machines
from overnight.flows.controller.through_engine import through_engine
from overnight.flows.host.clock import Clock
from overnight.flows.rules.early_stopping import not_yet_known
from overnight.flows.rules.failures_in_a_row import FailuresInARow
from overnight.flows.rules.looks import stops_by_rules
from overnight.flows.rules.outcomes import outcome_events
from overnight.flows.rules.resumed_attempts import resume_from
from overnight.flows.rules.unknown_fate import is_unknown, presumed_dead, question
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import CONTROLLER

Running = asyncio.Task[EvaluationAnswer | None]


@dataclass
class InFlight:
    """The running attempts of one controller, a task each; `woken` is set when an evaluation reports a measurement."""

    job: Job
    steps: Steps
    clock: Clock
    journal: Journal
    machine: Machine
    woken: asyncio.Event
    tasks: dict[Running, tuple[int, int]] = field(default_factory=dict)
    _executions: dict[Running, Execution] = field(default_factory=dict)
    _placed: list[AttemptPlaced] = field(default_factory=list)
    _reports: list[MeasurementReported] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._failures = FailuresInARow(self.job.work if self.job.leaves_output else None, here=self.job.here)

    @property
    def trials(self) -> frozenset[int]:
        """Return the numbers of the trials that are being evaluated."""
        return frozenset(trial for trial, _ in self.tasks.values())

    @property
    def _history(self) -> History:
        return self.journal.history

    def recover(self) -> None:
        """Take over the attempts of earlier controllers; attempts that people evaluate by hand are left to them."""
        for trial in self._history.trials.values():
            attempt = trial.open_attempt or trial.forsaken_attempt
            if attempt is not None and attempt.actor == CONTROLLER:
                self._failures.adopted.add((trial.id, attempt.number))
                self._execute(trial, attempt, recover=True)

    def start(self, event: AttemptStarted) -> None:
        """Execute an attempt whose start is durable."""
        trial = self._history.trials[event.trial]
        self._execute(trial, trial.attempts[-1], recover=False)

    def end_trials_with_an_outcome(self) -> None:
        """End the attempts at trials that a person or a rule has already ended."""
        for task, (trial, _) in self.tasks.items():
            if self._history.trials[trial].outcome is not None and not task.done() and not task.cancelling():
                self._executions[task].over.set()
                task.cancel()

    async def record(self) -> CampaignStopped | None:
        """Record new reports and ended attempts; if too many failed, return the reason to start nothing more."""
        reports, self._reports = not_yet_known(self._history, self._reports), []
        placed, self._placed = self._placed, []
        done = [task for task in self.tasks if task.done()]
        ended = {task: self._known_outcome_of(task) for task in done if not self._goes_on(task)}
        now, trouble = self.clock.now(), None
        if placed or reports or ended:
            await self.journal.insist(lambda history: [*placed, *reports, *self._ends(ended, now, history)])
        for task in done:
            del self._executions[task]
            trouble = self._failures.after(self._history, *self.tasks.pop(task)) or _stop_of(task) or trouble
        if reports and self._history.definition.has_stopping_rule:
            await self.journal.insist(lambda history: self._stops(reports, history))
        return trouble

    def _execute(self, trial: Trial, attempt: Attempt, *, recover: bool) -> None:
        campaign, arms = self._history.definition, arms_at(self._history, trial, attempt.number)
        request = EvaluationRequest(
            campaign=campaign.name,
            trial=trial.id,
            attempt=attempt.number,
            key=attempt.key,
            parameters=trial.point,
            # Arms share one evaluation, and so its seed, whichever of them begins it.
            seed=evaluation_seed(campaign, arms[0].trial if arms else trial.id),
            expected_metrics=campaign.expected_metrics,
            optional_metrics=campaign.optional_metrics,
            objective=campaign.metric_of_number,
            deadline=attempt.deadline,
            arms=arms,
            handle=attempt.handle,
            look=self._looks_at(trial, attempt),
            resume_from=resume_from(self._history, attempt),
        )
        execution = Execution(
            evaluator=self.job.evaluator,
            request=request,
            folder=self.job.work / attempt.key,
            report=lambda report: self._hear(trial.id, attempt.number, report),
            recover=recover,
        )
        # An attempt that is recovered only to be ended does not need the engine.
        running = through_engine(self.steps, execution) if trial.outcome is None else execution.run()
        task = asyncio.create_task(running)
        self.tasks[task], self._executions[task] = (trial.id, attempt.number), execution

    def _looks_at(self, trial: Trial, attempt: Attempt) -> int:
        """Return the number of the last recorded look at an evaluation that continues; 0 before the first."""
        reports = self._history.reports.get(trial.id, ()) if attempt.handle is not None else ()
        return max((report.step for report in reports if report.attempt == attempt.number), default=0)

    def _hear(self, trial: int, attempt: int, news: EvaluationReport | EvaluationPlaced) -> None:
        about = {"time": self.clock.now(), "actor": CONTROLLER, "trial": trial, "attempt": attempt}
        if isinstance(news, EvaluationPlaced):
            self._placed.append(AttemptPlaced(**about, handle=news.handle))
        else:
            self._reports.append(MeasurementReported(**about, step=news.step, metrics=news.metrics))
        self.woken.set()

    def _ends(self, ended: dict[Running, EvaluationOutcome | None], now: datetime, history: History) -> list[Event]:
        """Return the ends of attempts, and of their trials unless another process has ended those first."""
        self.journal.check_lease(history)
        events: list[Event] = []
        for task, outcome in ended.items():
            number, attempt = self.tasks[task]
            trial = history.trials[number]
            if outcome is not None:
                events += outcome_events(history.definition, trial, attempt, outcome, now, CONTROLLER)
            elif trial.outcome is None:
                events += question(trial, trial.attempts[-1], now)
        return events

    def _stops(self, heard: Sequence[MeasurementReported], history: History) -> list[TrialStopped]:
        """Return the stops of trials that have reported, except those whose evaluation has ended with a result."""
        self.journal.check_lease(history)
        at_work = {about for task, about in self.tasks.items() if not task.done()}
        asked = [report for report in heard if (report.trial, report.attempt) in at_work]
        return stops_by_rules(history, asked, self.clock.now(), CONTROLLER)

    def _goes_on(self, task: Running) -> bool:
        """Return whether an evaluation was left to the next controller."""
        ended_well = not task.cancelled() and task.exception() is None
        return self.job.goes_on and ended_well and isinstance(task.result(), EvaluationOngoing)

    def _known_outcome_of(self, task: Running) -> EvaluationOutcome | None:
        """Return how an attempt ended; None if that cannot be determined and a person must be asked."""
        trial, _ = self.tasks[task]
        campaign = self._history.definition
        outcome = self.machine.judged(_outcome_of(task), trial, campaign.at_once)
        started = self._history.trials[trial].attempts[-1]
        if self.job.goes_on:
            # The last call took seconds, and the evaluation perhaps days.
            seconds = max((self.clock.now() - started.started).total_seconds(), 0.0)
            outcome = outcome.model_copy(update={"seconds": seconds})
        if not isinstance(outcome, EvaluationFailed) or not is_unknown(started, outcome):
            return outcome
        return None if campaign.failures.when_unknown == "ask" else presumed_dead(started, outcome)


async def end_tasks(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait for their ends."""
    for task in tasks:
        # A second cancellation would disturb a task that is ending already.
        if not task.cancelling():
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _stop_of(task: Running) -> CampaignStopped | None:
    """Return why the campaign has to stop, if the evaluator has answered that it must."""
    answer = None if task.cancelled() or task.exception() is not None else task.result()
    stop = answer.stop if isinstance(answer, EvaluationOngoing | EvaluationFailed) else None
    return None if stop is None else CampaignStopped(stop)


def _outcome_of(task: Running) -> EvaluationOutcome:
    """Return how an attempt ended, even if the evaluator broke its promise and raised."""
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
    if isinstance(outcome, EvaluationOngoing):
        why = (
            "`evaluator.polled`: expected to be set, because the evaluation answered that it goes on, found it unset. "
            "Write how often to look at it, such as `polled: {every: 1h}`. The evaluation may still be running; its "
            f"handle is {outcome.handle}"
        )
        return EvaluationFailed(cause="invalid_result", message=why, cost=outcome.cost, metrics=outcome.metrics)
    return outcome
