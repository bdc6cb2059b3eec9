"""For those who bring their own loop: ask for a trial, try it, tell how it ended; the ledger does the rest."""

import asyncio
import os
import time
from collections.abc import Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from bo_core.propose import propose
from bo_core.recommend import recommend
from campaign import EvaluationFailed, EvaluationOutcome, History, Trial
from campaign.enough import why_end_early
from campaign.errors import CampaignStopped, LedgerMoved
from campaign.events import AttemptStarted, Event, MeasurementReported, TrialProposed
from campaign.recommendation import Recommendation
from campaign.spending import spending
from campaign.trial import Stopped
from flows.anchors import LOG
from flows.background_loop import run_in_background
from flows.campaign_file import CampaignFile, read_campaign
from flows.clock import Clock, SystemClock
from flows.commit import running_commit
from flows.early_stopping import stops
from flows.journal import Journal, still_new
from flows.newest_receipt import check_or_accept
from flows.opening import open_campaign
from flows.outcomes import outcome_events
from flows.read_outcome import read_outcome
from storage import open_ledger

T = TypeVar("T")
_ACTOR = "ask-tell"


class AskTell:
    """A campaign whose trials somebody else evaluates; several threads may use it, and several processes its ledger.

    What its threads tell while something is being written shares the next append.
    """

    def __init__(
        self,
        source: CampaignFile | Mapping[str, Any] | str | Path,
        clock: Clock | None = None,
        *,
        accept_loss: str | None = None,
    ) -> None:
        """Read the campaign; its ledger is made when the first trial is asked for.

        A ledger that is not what its newest receipt says is refused then, unless `accept_loss` says why to go on.

        From then on the definition that the ledger holds is followed, whatever becomes of the source.
        """
        self.file = read_campaign(source)
        self.clock = clock or SystemClock()
        self._process = os.getpid()
        self._ledger = open_ledger(self.file.ledger, self.file.campaign.name, Path())
        self._accept_loss = accept_loss
        self._journal = Journal(self._ledger)
        self._opened = False
        # Each who asks has to know what the one before was given.
        self._asking = asyncio.Lock()

    def ask(self) -> Trial:
        """Return a new trial, which stays pending until it is told; it is durable when this returns.

        Raises CampaignStopped when the budget is spent.
        """
        return self._run(self._ask())

    def tell(self, trial: Trial | int, result: Any) -> None:
        """Record how a trial ended: a number, (mean, sem), {metric: …}, or an exception for a failure.

        Raises CampaignStopped if it has ended already or does not exist; the first outcome stands.
        """
        self._run(self._tell(trial if isinstance(trial, int) else trial.id, result))

    def report(self, trial: Trial | int, step: int, result: Any) -> str | None:
        """Record what a trial measured on its way, as for `tell`; return why it is to be ended now, None if it goes on.

        One that is to be ended is so in the ledger when this returns: nothing is to be told of it any more. Raises
        CampaignStopped if it has ended already or does not exist, or if the result is none.
        """
        return self._run(self._report(trial if isinstance(trial, int) else trial.id, step, result))

    def recommend(self, *, anywhere: bool = False) -> Recommendation | None:
        """Return the observed point that is believed to be best, or any point; None before the first observation."""
        history = self.history
        if history.defined is None:
            return None
        return recommend(history.definition, history, self.file.proposer, anywhere=anywhere)

    @property
    def history(self) -> History:
        """Return what has happened so far; nothing is written."""
        return self._run(self._read())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if os.getpid() != self._process:
            work.close()
            raise CampaignStopped(
                f"AskTell: expected to be used in the process that opened campaign `{self.file.campaign.name}`, found "
                "that it was forked into another one. Open the campaign there, too: all may share its ledger."
            )
        return run_in_background(work)

    async def _read(self) -> History:
        await self._journal.refresh()
        return self._journal.history

    async def _open(self) -> History:
        """Open the campaign where that was not done yet: who revises it afterwards is not to be contradicted."""
        if self._opened:
            return await self._read()
        await check_or_accept(self._ledger, self.file, self._accept_loss, self.clock, LOG.warning)
        await open_campaign(self._journal, self.file.campaign, self.file.settings(), self.clock)
        self._opened = True
        return self._journal.history

    async def _ask(self) -> Trial:
        async with self._asking:
            while True:
                history, seen = await self._open(), self._journal.events_seen
                self._check_budget(history)
                events = await asyncio.to_thread(self._propose, history, seen)
                try:
                    await self._journal.insist(partial(still_new, events))
                except LedgerMoved:
                    continue
                return self._journal.history.trials[history.next_trial]

    def _check_budget(self, history: History) -> None:
        campaign, awaiting = history.definition, history.awaiting
        if history.taken >= campaign.budget.trials:
            beside = f", but for {awaiting} that await approval" if awaiting else ""
            raise CampaignStopped(
                f"All {campaign.budget.trials} trials of campaign `{campaign.name}` have been asked for{beside}. Raise "
                "`budget.trials` to go on."
            )
        if (enough := why_end_early(history)) is not None:
            raise CampaignStopped(f"Campaign `{campaign.name}` is over: {enough}. Change `stop_when` to go on.")
        spent = spending(history.trials.values())
        if spent.room(campaign.budget) < 1:
            why = spent.why_spent(campaign.budget) or "what is left of the cost budget is reserved for what runs"
            raise CampaignStopped(f"Campaign `{campaign.name}` has no evaluation left to ask for: {why}.")

    def _propose(self, history: History, seen: int) -> list[TrialProposed | AttemptStarted]:
        began = time.monotonic()
        [proposal] = propose(history.definition, history, self.file.proposer, 1)
        now, trial, defined = self.clock.now(), history.next_trial, history.defined
        extra = {"events_seen": seen, "seconds": time.monotonic() - began, "commit": running_commit()}
        assert defined is not None
        return [
            TrialProposed(
                time=now,
                actor=_ACTOR,
                trial=trial,
                point=proposal.point,
                generator=proposal.generator,
                provenance=proposal.provenance and proposal.provenance.model_copy(update=extra),
            ),
            AttemptStarted(
                time=now,
                actor=_ACTOR,
                trial=trial,
                attempt=1,
                key=f"{self.file.campaign.name}-{defined.uid}/{trial}/1",
            ),
        ]

    async def _tell(self, number: int, result: Any) -> None:
        outcome = read_outcome((await self._open()).definition, result)
        await self._journal.insist(lambda history: self._outcome(history, number, outcome))

    async def _report(self, number: int, step: int, result: Any) -> str | None:
        outcome = read_outcome((await self._open()).definition, result)
        if isinstance(outcome, EvaluationFailed):
            raise CampaignStopped(f"report: trial {number}, step {step}: {outcome.message}")
        said: list[MeasurementReported] = []

        def reported(history: History) -> list[MeasurementReported]:
            attempt = self._under_way(history, number, "report").attempts[-1].number
            event = MeasurementReported(
                time=self.clock.now(),
                actor=_ACTOR,
                trial=number,
                attempt=attempt,
                step=step,
                metrics=outcome.metrics,
            )
            said[:] = [event]
            return said

        await self._journal.insist(reported)
        await self._journal.insist(lambda history: stops(history, said, self.clock.now(), _ACTOR))
        ended = self._journal.history.trials[number].outcome
        return ended.why if isinstance(ended, Stopped) else None

    def _outcome(self, history: History, number: int, outcome: EvaluationOutcome) -> list[Event]:
        trial = self._under_way(history, number, "tell")
        return outcome_events(history.definition, trial, trial.attempts[-1].number, outcome, self.clock.now(), _ACTOR)

    def _under_way(self, history: History, number: int, asked: str) -> Trial:
        trial = history.trials.get(number)
        if trial is None or not trial.pending or not trial.attempts:
            found = "no such trial" if trial is None else "one that has ended" if trial.outcome else "none under way"
            raise CampaignStopped(f"{asked}: expected trial {number} to be under way, found {found}.")
        return trial
