"""A loop of your own: ask for a trial, try it, report how it ended; the ledger does the rest."""

import asyncio
import os
import time
from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from overnight.bo_core.propose import propose
from overnight.bo_core.recommend import computed
from overnight.campaign import EvaluationFailed, EvaluationOutcome, History, Proposal, Trial
from overnight.campaign.contexts import Given
from overnight.campaign.errors import AskLater, BudgetSpent, CannotStart, InvalidResult, LedgerError, SpaceExhausted
from overnight.campaign.experiment.arms import NOTHING_TO_COMPARE, unmatched
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    Event,
    MeasurementReported,
    RecommendationMade,
    TrialAbandoned,
)
from overnight.campaign.history.provenance import Asked
from overnight.campaign.history.trial import OWN_LOOP, Stopped
from overnight.campaign.recommendation import Recommendation
from overnight.flows.api.background_loop import run_in_background
from overnight.flows.api.own_loop import (
    asked_context,
    awaited,
    expect_context,
    may_propose,
    next_waiting,
    no_candidate,
    nothing_to_ask,
    own_allowance,
)
from overnight.flows.definition.at_lines import at_lines_of
from overnight.flows.definition.campaign_file import CampaignFile, read_campaign
from overnight.flows.definition.receipts import receipts_of
from overnight.flows.host.clock import Clock, SystemClock
from overnight.flows.host.log import LOG
from overnight.flows.people.read_outcome import described, read_outcome, read_report, read_step
from overnight.flows.people.under_way import is_evaluated, under_way, unended
from overnight.flows.proposing.settings import unrecorded_settings
from overnight.flows.rules.looks import stops_by_rules
from overnight.flows.rules.new_trials import attempt_event, proposed_events
from overnight.flows.rules.outcomes import outcome_events
from overnight.flows.rules.recommending import recommendation_event
from overnight.flows.session.journal import Journal
from overnight.flows.session.newest_receipt import check_or_accept
from overnight.flows.session.opening import open_campaign
from overnight.storage import open_ledger

T = TypeVar("T")
_ACTOR = OWN_LOOP
_ONE_POINT = 1
# What follows from the end of another arm is not the caller's decision.
_BY_RULE = "own-loop"
_NOT_RECORDED = (
    "Nothing was written: the trial is still under way. If its evaluation failed, pass an exception instead."
)


class AskTell:
    """A campaign whose trials the caller evaluates; several threads may use it, and several processes its ledger.

    The campaign's budgets, window, approval policy and pauses hold as they do for a controller; only `workers` and
    `failures.max_in_a_row` are left to the loop. Results that several threads record at once share an append.
    """

    def __init__(
        self,
        source: CampaignFile | Mapping[str, Any] | str | Path,
        clock: Clock | None = None,
        *,
        ignore_window: bool = False,
        accept_loss: str | None = None,
    ) -> None:
        """Read the campaign, which needs no `evaluator`; its ledger is created when the first trial is asked for.

        A ledger that contradicts its newest receipt is refused then, unless `accept_loss` gives a reason to continue.

        From then on the definition in the ledger applies, regardless of the source.
        """
        self.file = read_campaign(source)
        self._source = source
        self.clock = clock or SystemClock()
        self.ignore_window = ignore_window
        self._process = os.getpid()
        self._ledger = open_ledger(self.file.ledger, self.file.campaign.name, Path())
        self._accept_loss = accept_loss
        self._journal = Journal(self._ledger)
        self._opened = False
        # Each request must see the trial that the one before it returned.
        self._asking = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<AskTell: campaign {self.file.campaign.name!r}, ledger {self.file.ledger!r}>"

    def ask(self, context: Mapping[str, Any] | None = None) -> Trial:
        """Return a trial to evaluate, which stays pending until its end is recorded; it is durable when this returns.

        Waiting trials come first: suggested, approved, or to be tried again as a new attempt. Otherwise a point is
        proposed. With `context`, the trial is for a context with these values, such as `{"workload": "oltp"}`. Raises
        CampaignStopped if there is nothing more to ask for (BudgetSpent if a budget is spent), AskLater if more may
        come later (the campaign is paused, trials await approval, the window is closed, or the rest of a budget is kept
        for trials under way), and Refused if no context has the values, or if they are no mapping.
        """
        expect_context(context)
        return self._run(self._ask(context))

    def tell(self, trial: Trial | int, result: Any, *, cost: float | None = None) -> None:
        """Record how a trial ended: a number, (mean, sem), {metric: …}, or an exception for a failure.

        A number or a pair is the objective; with several objectives, give them by name: {"kb": 31, "vmaf": (94, 0.2)}.
        An exception means that the point has no result. If the point is not to blame, use `retry` or `abandon`.
        Unexpected metrics never invalidate a result: those that are not numbers are noted. A result without the metric
        of a constraint is observed, and does not count as feasible. Raises InvalidResult if another expected metric is
        missing or not a finite number, and NotUnderWay if the trial does not exist, has ended (the first outcome
        stands), or is evaluated by a controller; nothing is written then.
        """
        self._run(self._tell(trial, result, cost))

    def retry(self, trial: Trial | int, why: str | BaseException) -> bool:
        """Record that an evaluation was lost, for example with its worker; return whether it will be tried again.

        Nothing is learnt about the point. `ask` returns the trial again, as a new attempt. After
        `failures.max_attempts` lost attempts the trial fails, as with a controller. Raises NotUnderWay as `tell` does.
        """
        return self._run(self._retry(trial, why))

    def abandon(self, trial: Trial | int, why: str | BaseException) -> None:
        """End a trial without a result: nothing is learnt about its point, and it is not proposed again.

        The trial may be waiting or under way. If a controller is evaluating it, the controller ends that evaluation.
        Raises NotUnderWay if the trial does not exist or has ended.
        """
        self._run(self._abandon(trial, why))

    def report(self, trial: Trial | int, step: int, result: Any) -> str | None:
        """Record a measurement of a running trial; return the reason to end it now, or None if it continues.

        The measurement needs only the objective; with several objectives, it needs one metric of the goal. If a reason
        is returned, the trial has already ended in the ledger: record nothing more of it. Raises InvalidResult and
        NotUnderWay as `tell` does.
        """
        return self._run(self._report(trial, step, result))

    def recommend(self, *, anywhere: bool = True) -> Recommendation | None:
        """Return the point that is believed to be best, or None before the first observation.

        A point that was not measured is returned only if it is better with caution; its `trial` is then None, and
        `best_measured` is the best trial of those that were measured. With `anywhere=False`, only these count.
        With several objectives, it is one of the recommendation's `front`, all of whose points were measured.

        A loop that has come to the campaign's end records its recommendation in the ledger, and a recorded one is
        returned as long as it holds.
        """
        return self._run(self._recommend(anywhere=anywhere))

    @property
    def history(self) -> History:
        """Return the history so far; nothing is written."""
        return self._run(self._read())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if os.getpid() != self._process:
            work.close()
            raise CannotStart(
                f"AskTell: campaign `{self.file.campaign.name}` was opened in another process, from which this one was "
                "forked. Open it in this process as well: several processes may share its ledger."
            )
        return run_in_background(work)

    async def _read(self) -> History:
        await self._journal.refresh()
        return self._journal.history

    async def _open(self) -> History:
        """Open the campaign once; opening it again would contradict a later revision."""
        if self._opened:
            return await self._read()
        with at_lines_of(self._source):
            self.file.check_proposer()
        await check_or_accept(self._ledger, receipts_of(self.file), self._accept_loss, self.clock, LOG.warning)
        await open_campaign(self._journal, self.file.campaign, self.file.settings(), self.clock)
        self._opened = True
        return self._journal.history

    async def _ask(self, context: Mapping[str, Any] | None) -> Trial:
        async with self._asking:
            while True:
                history, seen = await self._open(), self._journal.events_seen
                given = asked_context(history.definition, context)
                if unmatched(history):
                    await self._journal.insist(self._end_unmatched)
                    continue
                allowed = own_allowance(history, self.clock.now(), ignore_window=self.ignore_window)
                if next_waiting(allowed, given) is not None:
                    written = await self._journal.insist(partial(self._starts, given))
                elif may_propose(allowed):
                    made = await asyncio.to_thread(self._propose, history, given)
                    if not made[0]:
                        raise BudgetSpent(no_candidate(allowed))
                    written = await self._journal.insist(partial(self._proposed, history, seen, given, *made))
                else:
                    raise nothing_to_ask(allowed)
                for event in written:
                    if isinstance(event, AttemptStarted):
                        return self._journal.history.trials[event.trial]

    def _end_unmatched(self, history: History) -> list[TrialAbandoned]:
        now, arms = self.clock.now(), unmatched(history)
        return [TrialAbandoned(time=now, actor=_BY_RULE, trial=arm.id, why=NOTHING_TO_COMPARE) for arm in arms]

    def _starts(self, given: Given | None, history: History) -> list[Event]:
        """Return the start of the first waiting trial, or nothing if another process has just taken it."""
        now = self.clock.now()
        trial = next_waiting(own_allowance(history, now, ignore_window=self.ignore_window), given)
        return [] if trial is None else [_start_of(history, trial, now)]

    def _propose(self, history: History, given: Given | None) -> tuple[list[Proposal], float]:
        began = time.monotonic()
        try:
            return propose(history.definition, history, self.file.proposer, _ONE_POINT, given), time.monotonic() - began
        except SpaceExhausted as problem:
            if (why := awaited(history)) is not None:
                raise AskLater(f"{problem} Ask again later: {why}.") from problem
            raise

    def _proposed(
        self,
        asked: History,
        seen: int,
        given: Given | None,
        proposals: Sequence[Proposal],
        seconds: float,
        history: History,
    ) -> list[Event]:
        """Return a new trial, or the arms of a new batch, and the first start unless it needs approval.

        There is nothing if the points must be computed again.
        """
        now = self.clock.now()
        outdated = (asked.next_trial, asked.revised) != (history.next_trial, history.revised)
        if outdated or not may_propose(own_allowance(history, now, ignore_window=self.ignore_window)):
            return []
        unseen = history.trials.observed - asked.trials.observed
        own = unrecorded_settings(self.file.proposer, asked)
        made = Asked(events_seen=seen, seconds=seconds, points=_ONE_POINT, unseen=unseen, context=given, proposer=own)
        proposed = proposed_events(history, proposals, now, _ACTOR, made)
        # The arms of a batch wait together until people have decided on all of them.
        starts = proposed[:1] if not any(each.parked for each in proposed) else []
        return [*proposed, *(attempt_event(history, each.trial, each.point, 1, now, _ACTOR) for each in starts)]

    async def _recommend(self, *, anywhere: bool) -> Recommendation | None:
        history, seen = await self._read(), self._journal.events_seen
        if history.defined is None:
            return None
        if anywhere and history.recommendation is not None:
            return history.recommendation.recommendation
        found = await asyncio.to_thread(computed, history.definition, history, self.file.proposer, anywhere=anywhere)
        if found is None:
            return None
        over = own_allowance(history, self.clock.now(), ignore_window=self.ignore_window).why_over
        # Until the campaign is opened to ask or to tell, it is only read. If another loop has revised the settings
        # since, a replay would not find what this one has computed.
        latest = history.revised or history.defined
        mine = self._opened and latest.settings == self.file.settings()
        if anywhere and mine and over is not None and not history.trials.open:
            await self._record(recommendation_event(found, seen, self.clock.now(), _ACTOR))
        return found.recommendation

    async def _record(self, made: RecommendationMade) -> None:
        """Record a recommendation unless it is outdated or one holds; a ledger that refuses it is only reported."""

        def new(history: History) -> list[RecommendationMade]:
            outdated = made.events_seen < history.evidence_until
            return [] if outdated or history.recommendation is not None else [made]

        try:
            await self._journal.insist(new)
        except LedgerError as problem:
            LOG.warning("The recommendation was not recorded: %s", problem)

    async def _known(self, trial: Trial | int, asked: str) -> History:
        """Return the history of a campaign that has begun; if it has not, raise NotUnderWay and write nothing."""
        history = await self._read()
        if history.defined is None:
            unended(history, trial, asked)
        return await self._open()

    async def _tell(self, trial: Trial | int, result: Any, cost: float | None) -> None:
        history = await self._known(trial, "tell")
        known, _ = under_way(history, trial, "tell")
        try:
            outcome = read_outcome(history.definition, result, cost)
        except InvalidResult as problem:
            raise InvalidResult(f"tell: trial {known.id}: {problem} {_NOT_RECORDED}") from None
        await self._journal.insist(partial(self._ended, trial, outcome, "tell"))

    async def _retry(self, trial: Trial | int, why: str | BaseException) -> bool:
        await self._known(trial, "retry")
        lost = EvaluationFailed(cause="infrastructure", message=described(why))
        written = await self._journal.insist(partial(self._ended, trial, lost, "retry"))
        return any(isinstance(event, AttemptFailed) and event.will_retry for event in written)

    def _ended(self, trial: Trial | int, outcome: EvaluationOutcome, asked: str, history: History) -> list[Event]:
        known, attempt = under_way(history, trial, asked)
        return outcome_events(history.definition, known, attempt.number, outcome, self.clock.now(), _ACTOR)

    async def _abandon(self, trial: Trial | int, why: str | BaseException) -> None:
        await self._known(trial, "abandon")
        await self._journal.insist(partial(self._withdrawn, trial, described(why)))

    def _withdrawn(self, trial: Trial | int, why: str, history: History) -> list[Event]:
        """Return the end of a trial, and of its attempt unless a controller will end that."""
        known, now = unended(history, trial, "abandon"), self.clock.now()
        abandoned = TrialAbandoned(time=now, actor=_ACTOR, trial=known.id, why=why)
        attempt = known.open_attempt
        if attempt is None or is_evaluated(attempt):
            return [abandoned]
        closed = AttemptFailed(
            time=now,
            actor=_ACTOR,
            trial=known.id,
            attempt=attempt.number,
            cause="cancelled",
            message=f"the trial was abandoned: {why}",
            will_retry=False,
            seconds=max((now - attempt.started).total_seconds(), 0.0),
        )
        return [abandoned, closed]

    async def _report(self, trial: Trial | int, step: int, result: Any) -> str | None:
        history = await self._known(trial, "report")
        known, _ = under_way(history, trial, "report")
        try:
            metrics, step = read_report(history.definition, result), read_step(step)
        except InvalidResult as problem:
            raise InvalidResult(
                f"report: trial {known.id}, step {step!r:.50}: {problem} Nothing was written."
            ) from None

        def reported(history: History) -> list[MeasurementReported]:
            known, attempt = under_way(history, trial, "report")
            now, number = self.clock.now(), attempt.number
            return [
                MeasurementReported(time=now, actor=_ACTOR, trial=known.id, attempt=number, step=step, metrics=metrics)
            ]

        heard = await self._journal.insist(reported)
        await self._journal.insist(lambda history: stops_by_rules(history, heard, self.clock.now(), _ACTOR))
        ended = self._journal.history.trials[known.id].outcome
        return ended.why if isinstance(ended, Stopped) else None


def _start_of(history: History, trial: Trial, now: datetime) -> AttemptStarted:
    return attempt_event(history, trial.id, trial.point, len(trial.attempts) + 1, now, _ACTOR)
