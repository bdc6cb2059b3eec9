"""Run one campaign: keep the workers busy, record every step before and after it, and survive a kill at any moment."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any

from overnight.campaign import Campaign, History, Trial
from overnight.campaign.errors import CampaignHeld, CampaignStopped
from overnight.campaign.experiment.arms import NOTHING_TO_COMPARE, stranded
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDrained,
    CampaignFinished,
    Event,
    RecommendationMade,
    TrialAbandoned,
    TrialProposed,
)
from overnight.campaign.standing.ends import Drained, Over
from overnight.evaluators.sources import Sources
from overnight.flows.controller.asking import Answered
from overnight.flows.controller.forgotten import end_forgotten
from overnight.flows.controller.in_flight import InFlight, end_tasks
from overnight.flows.controller.job import Job, Steps
from overnight.flows.controller.last_recommendation import last_recommendation
from overnight.flows.controller.machine import Machine, takes_back_pause
from overnight.flows.controller.preparation import Preparation
from overnight.flows.controller.shift import Shift
from overnight.flows.host.clock import Clock
from overnight.flows.host.stop import Stop, StopRequest
from overnight.flows.rules.allowance import Allowance
from overnight.flows.rules.evaluator_changes import (
    changed_evaluator,
    changed_sources,
    note_on,
    refusal,
    refuse_changed,
)
from overnight.flows.rules.going_on import going_on, refuse_unpolled, with_going_on
from overnight.flows.rules.new_trials import attempt_event
from overnight.flows.rules.resuming import resumed_with
from overnight.flows.rules.unknown_fate import undecided
from overnight.flows.session.hearing import level_asked, watch_for_requests
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import CONTROLLER, show_life, take_lease
from overnight.flows.session.opening import open_campaign
from overnight.report.story.people import request_of

_REVISED = Drained("revised", "it was revised or added to while its controller ended; run it again to continue")


async def run_loop(
    job: Job,
    steps: Steps,
    clock: Clock,
    stop: StopRequest,
    watch: Callable[[History], None] = lambda history: None,
    notify: Callable[[str], None] = lambda text: None,
) -> History:
    """Run a campaign to its end, or resume it after an earlier controller, and return its history.

    Write-ahead: a trial and its attempt are durable before the evaluator is called; an outcome is durable before its
    slot is used again. `notify` is called with news for a waiting person. Raises CampaignHeld if another controller
    acts, CampaignStopped after too many failures.
    """
    journal = Journal(job.ledger, watch)
    await journal.refresh()
    sources = job.sources()
    if job.refuse_changed:
        refuse_changed(journal.history, sources)
    if not job.goes_on:
        refuse_unpolled(journal.history)
    await open_campaign(journal, job.campaign, job.settings, clock, notify, job.fix)
    resumed = resumed_with(journal.history), note_on(journal.history, sources)
    await take_lease(journal, clock, job.rhythm, stop, notify, sources)
    for text in resumed:
        if text is not None:
            notify(text)
    controller = _Controller(job, steps, clock, stop, journal, notify)
    try:
        await controller.work()
        await controller.recommend()
    finally:
        with suppress(CampaignHeld):
            await controller.stop_everything()
    return await controller.close()


class _Controller:
    """The decisions of a running campaign, and the state that is not in the ledger."""

    def __init__(
        self,
        job: Job,
        steps: Steps,
        clock: Clock,
        stop: StopRequest,
        journal: Journal,
        notify: Callable[[str], None],
    ) -> None:
        self.job, self.steps, self.clock, self.stop, self.journal, self.notify = (
            job,
            steps,
            clock,
            stop,
            journal,
            notify,
        )
        self.machine = Machine(job)
        self.shift = Shift(job, clock)
        self.life = asyncio.create_task(show_life(journal, job.rhythm))
        self.preparation = Preparation(job, steps)
        self.woken = asyncio.Event()
        self.in_flight = InFlight(job, steps, clock, journal, self.machine, self.woken)
        self.listener = asyncio.create_task(watch_for_requests(journal, job.rhythm, self.woken))
        self.trouble: Exception | None = None
        self.recommended: RecommendationMade | None = None

    @property
    def history(self) -> History:
        return self.journal.history

    @property
    def campaign(self) -> Campaign:
        """Return the current definition, which people may revise while the campaign runs."""
        return self.history.definition

    def allowed(self, history: History | None = None) -> Allowance:
        """Return what may start now, given this controller's history or another one."""
        history = history or self.history
        return Allowance(
            history=history,
            now=self.clock.now(),
            in_flight=self.in_flight.trials,
            running=len(self.in_flight.tasks),
            willing=self.stop.level is Stop.NO and self.trouble is None,
            in_window=self.shift.has_time(history),
            exhausted=self.preparation.exhausted(history),
            rests=self.machine.rests,
        )

    async def work(self) -> None:
        """Repeat until nothing runs and nothing more may start."""
        await end_forgotten(self.job, self.history, self.notify)
        self.in_flight.recover()
        # Let the attempts begin: a cancellation would not reach one that has not.
        await asyncio.sleep(0)
        while True:
            self.stop.ask_for(level_asked(self.history))
            self.in_flight.end_trials_with_an_outcome()
            await self.machine.look(self.journal, self.clock, self.notify, wanted=self.allowed().wants_to_start)
            await self._end_stranded_arms()
            await self._start_waiting_trials()
            allowed = self.allowed()
            self.preparation.ask(allowed, self.journal.events_seen)
            proposes = bool(self.preparation.tasks) and allowed.unproposed > 0
            if not self.in_flight.tasks and not proposes and not allowed.held_back and not self._pauses(allowed):
                return
            if self._leaves():
                return
            await self._wait()
            await self._record()
            await self._write_proposals()

    def _leaves(self) -> bool:
        """Return whether to end although evaluations run; those that continue by themselves are not waited for."""
        ends = self.job.goes_on and (self.stop.level is not Stop.NO or self.trouble is not None)
        return ends or self.stop.level is Stop.NOW or self.shift.is_over(self.history)

    async def recommend(self) -> None:
        """Make the recommendation to record at the end, once nothing runs; none if something went wrong.

        People are heard until it is made.
        """
        await self._end_evaluations()
        if self.trouble is not None:
            return
        hearing = asyncio.create_task(self._hear())
        try:
            self.recommended = await last_recommendation(self.job, self.journal, self.clock, self.stop, self.notify)
        finally:
            await end_tasks([hearing])

    async def _hear(self) -> None:
        while True:
            self.stop.ask_for(level_asked(self.history))
            self.woken.clear()
            await self.woken.wait()

    async def stop_everything(self) -> None:
        """End every running evaluation and proposal, and record how the evaluations ended."""
        try:
            await self._end_work()
        finally:
            # While anything runs, no other process may consider this controller dead.
            await end_tasks([self.life])

    async def _end_work(self) -> None:
        await end_tasks([self.listener])
        await self._end_evaluations()

    async def _end_evaluations(self) -> None:
        await end_tasks([*self.in_flight.tasks, *self.preparation.tasks])
        await self._record()

    async def close(self) -> History:
        """Record whether the campaign is over, with the recommendation, and return its history."""
        over = self._why_over(self.history)
        await self.journal.insist(partial(self._closes, over))
        if self.trouble and not over:
            raise self.trouble
        return self.history

    def _why_over(self, history: History) -> Over | None:
        asked = undecided(history.definition, history.trials.open)
        return None if asked or going_on(history) else self.allowed(history).why_over

    def _why_drained(self, history: History) -> Drained:
        window = None if self.job.ignore_window else history.definition.window
        return with_going_on(self._why_it_ends(), history, window, self.clock.now())

    def _why_it_ends(self) -> Drained:
        if self.trouble is not None:
            return Drained("trouble", str(self.trouble))
        if (asked := undecided(self.campaign, self.history.trials.open)) is not None:
            return Drained("undecided", asked)
        if (by := self.history.asked_to_stop) is not None:
            return Drained("asked_to_stop", str(request_of(by)))
        if self.stop.level is not Stop.NO:
            return Drained("asked_to_stop", "asked to stop")
        why = self.shift.why_it_ends(self.history)
        reserved = "the rest of the cost budget is kept for evaluations that people run by hand"
        return why or Drained("cost_reserved", reserved)

    def _closes(self, over: Over | None, history: History) -> list[Event]:
        """Return the last events; a campaign that was `over` may have been revised since."""
        self.journal.check_lease(history)
        assert history.lease is not None
        about = {"time": self.clock.now(), "actor": CONTROLLER, "epoch": history.lease.epoch}
        if over is not None and self._why_over(history) is not None:
            end = CampaignFinished(**about, because=over.because, reason=over.reason)
        else:
            ended = self._why_drained(history) if over is None else _REVISED
            end = CampaignDrained(**about, because=ended.because, reason=ended.reason)
        made = self.recommended
        recommended = [made] if made is not None and made.events_seen >= history.evidence_until else []
        return [*takes_back_pause(history, self.clock), *recommended, end]

    async def _record(self) -> None:
        self.trouble = await self.in_flight.record() or self.trouble

    async def _end_stranded_arms(self) -> None:
        if stranded(self.history):
            await self.journal.insist(self._strands)

    def _strands(self, history: History) -> list[TrialAbandoned]:
        self.journal.check_lease(history)
        now, arms = self.clock.now(), stranded(history)
        return [TrialAbandoned(time=now, actor=CONTROLLER, trial=arm.id, why=NOTHING_TO_COMPARE) for arm in arms]

    async def _start_waiting_trials(self) -> None:
        """Start pending trials that have no attempt under way, as far as there are slots."""
        if not self.allowed().to_start or self._refuses_changed(sources := self.job.sources()):
            return
        if (changed := note_on(self.history, sources)) is not None:
            self.notify(changed)
        for event in await self.journal.insist(partial(self._starts, sources)):
            self.in_flight.start(event)

    def _starts(self, sources: Sources, history: History) -> list[AttemptStarted]:
        """Return the starts that are allowed, without trials that another process has ended first."""
        self.journal.check_lease(history)
        starts = [self._start_of(trial) for trial in self.allowed(history).to_start]
        changed = {"sources": changed_sources(history, sources)}
        return [*(event.model_copy(update=changed) for event in starts[:1]), *starts[1:]]

    def _refuses_changed(self, sources: Sources) -> bool:
        """Return whether the evaluator has changed and the campaign refuses that; if so, nothing more starts."""
        changed = changed_evaluator(self.history, sources) if self.job.refuse_changed else None
        if changed is not None:
            self.trouble = CampaignStopped(refusal(changed))
        return changed is not None

    def _start_of(self, trial: Trial) -> AttemptStarted:
        now, number = self.clock.now(), len(trial.attempts) + 1
        deadline = now + self.job.evaluator.time_limit
        return attempt_event(self.history, trial.id, trial.point, number, now, CONTROLLER, deadline)

    def _pauses(self, allowed: Allowance) -> list[float]:
        """Return the seconds after which there is something to do, even if nothing has ended by then."""
        opening = self.shift.seconds_to_opening(self.history) if allowed.willing and allowed.why_over is None else None
        held_back, proposer = allowed.seconds_held_back, self.preparation.pause(allowed)
        machine = self.machine.pause if allowed.wants_to_start else None
        pauses = allowed.seconds_to_next_start, held_back, proposer, opening, machine
        return [pause for pause in pauses if pause is not None]

    async def _wait(self) -> None:
        """Return when something has ended, been reported or been requested, or a trial has waited long enough.

        Raises CampaignHeld if another controller has taken over.
        """
        nudges = [
            asyncio.create_task(self.woken.wait()),
            asyncio.create_task(self.stop.wait(above=self.stop.level)),
            asyncio.create_task(self.shift.wait(self.history)),
        ]
        pauses = self._pauses(self.allowed())
        nudges += [asyncio.create_task(self.clock.sleep(pause)) for pause in pauses]
        waiting: set[asyncio.Task[Any]] = {
            *self.in_flight.tasks,
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

    async def _write_proposals(self) -> None:
        try:
            answers = self.preparation.answered()
        except Exception as error:
            # The running evaluations are still worth recording, so this is raised once they have ended.
            self.trouble = error
            return
        for answer in answers:
            await self.journal.insist(partial(self._proposed, answer, self.clock.now()))

    def _proposed(self, answer: Answered, now: datetime, history: History) -> list[TrialProposed]:
        """Return the trials to add; none if the points must be computed again."""
        # Decided again if another process appends first: it may have added a trial, or paused or revised the campaign.
        self.journal.check_lease(history)
        allowed = self.allowed(history)
        # Trials that will be tried again come first if little of a budget is left.
        fits = (
            allowed.may_start
            and allowed.why_no_more is None
            and len(answer.proposals) <= allowed.room - len(allowed.waiting)
        )
        return answer.events(history, now) if fits and not answer.is_out_of_date(history) else []
