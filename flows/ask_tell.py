"""For those who bring their own loop: ask for a trial, try it, tell how it ended; the ledger does the rest."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bo_core.propose import propose
from bo_core.recommend import recommend
from campaign import Campaign, EvaluationFailed, EvaluationOutcome, EvaluationSucceeded, History, Trial
from campaign.errors import CampaignStopped, LedgerMoved
from campaign.evaluation import read_measurement
from campaign.events import AttemptStarted, TrialProposed
from campaign.recommendation import Recommendation
from flows.campaign_file import CampaignFile, read_campaign
from flows.clock import Clock, SystemClock
from flows.commit import running_commit
from flows.journal import Journal
from flows.opening import open_campaign
from flows.outcomes import outcome_events
from flows.sync import run_sync
from storage import open_ledger

_ACTOR = "ask-tell"


class AskTell:
    """A campaign whose trials somebody else evaluates; several processes may share one ledger."""

    def __init__(self, source: CampaignFile | Mapping[str, Any] | str | Path, clock: Clock | None = None) -> None:
        """Open the campaign; its ledger is made when the first trial is asked for."""
        self.file = read_campaign(source)
        self.clock = clock or SystemClock()

    def ask(self) -> Trial:
        """Return a new trial, which stays pending until it is told; it is durable when this returns.

        Raises CampaignStopped when the budget is spent.
        """
        return run_sync(self._ask())

    def tell(self, trial: Trial | int, result: Any) -> None:
        """Record how a trial ended: a number, (mean, sem), {metric: …}, or an exception for a failure.

        Raises CampaignStopped if it has ended already or does not exist; the first outcome stands.
        """
        run_sync(self._tell(trial if isinstance(trial, int) else trial.id, result))

    def recommend(self, *, anywhere: bool = False) -> Recommendation | None:
        """Return the observed point that is believed to be best, or any point; None before the first observation."""
        history = run_sync(self._open()).history
        return recommend(self.file.campaign, history, self.file.proposer, anywhere=anywhere)

    @property
    def history(self) -> History:
        """Return what has happened so far."""
        return run_sync(self._open()).history

    async def _open(self) -> Journal:
        campaign = self.file.campaign
        journal = Journal(open_ledger(self.file.ledger, campaign.name, Path()))
        await open_campaign(journal, campaign, self.file.settings(), self.clock)
        return journal

    async def _ask(self) -> Trial:
        journal = await self._open()
        campaign = self.file.campaign
        while True:
            if len(journal.history.trials) >= campaign.budget.trials:
                raise CampaignStopped(
                    f"All {campaign.budget.trials} trials of campaign `{campaign.name}` have been asked for. Raise "
                    "`budget.trials` to go on."
                )
            trial = journal.history.next_trial
            try:
                await journal.append(self._events(journal, trial))
            except LedgerMoved:
                continue
            return journal.history.trials[trial]

    def _events(self, journal: Journal, trial: int) -> list[TrialProposed | AttemptStarted]:
        now = self.clock.now()
        [proposal] = propose(self.file.campaign, journal.history, self.file.proposer, 1)
        extra = {
            "events_seen": journal.events_seen,
            "seconds": (self.clock.now() - now).total_seconds(),
            "commit": running_commit(),
        }
        provenance = proposal.provenance and proposal.provenance.model_copy(update=extra)
        defined = journal.history.defined
        assert defined is not None
        return [
            TrialProposed(
                time=self.clock.now(),
                actor=_ACTOR,
                trial=trial,
                point=proposal.point,
                generator=proposal.generator,
                provenance=provenance,
            ),
            AttemptStarted(
                time=self.clock.now(),
                actor=_ACTOR,
                trial=trial,
                attempt=1,
                key=f"{self.file.campaign.name}-{defined.uid}/{trial}/1",
            ),
        ]

    async def _tell(self, number: int, result: Any) -> None:
        journal = await self._open()
        while True:
            trial = journal.history.trials.get(number)
            if trial is None or not trial.pending or not trial.attempts:
                found = (
                    "no such trial" if trial is None else "one that has ended" if trial.outcome else "none under way"
                )
                raise CampaignStopped(f"tell: expected trial {number} to be under way, found {found}.")
            outcome = read_outcome(self.file.campaign, result)
            attempt = trial.attempts[-1].number
            try:
                return await journal.append(
                    outcome_events(self.file.campaign, trial, attempt, outcome, self.clock.now())
                )
            except LedgerMoved:
                continue


def read_outcome(campaign: Campaign, result: Any) -> EvaluationOutcome:
    """Return the outcome that a person meant; an unusable result is an invalid one, with its message."""
    if isinstance(result, BaseException):
        return EvaluationFailed(cause="configuration", message=f"{type(result).__name__}: {result}")
    objective = campaign.objective.metric
    named = result if isinstance(result, Mapping) and "mean" not in result else {objective: result}
    missing = [name for name in campaign.expected_metrics if name not in named]
    if missing:
        expected = ", ".join(f"`{name}`" for name in missing)
        return EvaluationFailed(cause="invalid_result", message=f"expected {expected}, got {sorted(named)}")
    try:
        metrics = {str(name): read_measurement(value) for name, value in named.items()}
    except ValueError as problem:
        return EvaluationFailed(cause="invalid_result", message=str(problem))
    return EvaluationSucceeded(metrics=metrics)
