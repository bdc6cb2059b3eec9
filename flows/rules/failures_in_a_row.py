"""Stop starting trials after too many failures in a row, since the points are not to blame."""

from dataclasses import dataclass, field
from pathlib import Path

from overnight.campaign import History, Trial
from overnight.campaign.errors import CampaignStopped
from overnight.campaign.evaluation import cause_text
from overnight.campaign.history.trial import Failure, Observation

# The model may explore a region that it expects to fail. That is weak evidence against the evaluator: three such
# failures count as one.
_FORESEEN = 3


@dataclass
class FailuresInARow:
    """The number of trials given up in a row; a trial that is tried again has not been given up.

    A failure that was more likely than not when the point was proposed counts a third. Attempts in `adopted` began
    under an earlier controller and do not count: their ends are no evidence of the current state. `outputs` has a
    folder for the output of each attempt, on this machine if they are evaluated `here`; None if they leave no output.
    """

    outputs: Path | None
    here: bool = True
    adopted: set[tuple[int, int]] = field(default_factory=set)
    count: int = 0
    thirds: int = 0

    def after(self, history: History, number: int, attempt: int) -> CampaignStopped | None:
        """Count the end of an attempt; return why no more trials start if it was one failure too many."""
        trial = history.trials[number]
        end = trial.outcome
        if (number, attempt) in self.adopted or not isinstance(end, Observation | Failure) or end.attempt != attempt:
            return None
        if isinstance(end, Observation):
            self.count = self.thirds = 0
            return None
        if end.cause != "infeasible":
            self.count += 1
            self.thirds += 1 if _was_foreseen(trial) else _FORESEEN
        campaign, measured = history.definition, history.trials.observed > 0
        if self.thirds < _FORESEEN * campaign.failures.limit_in_a_row(campaign.at_once, measured=measured):
            return None
        return CampaignStopped(self._why(history, trial, end))

    def _why(self, history: History, trial: Trial, end: Failure) -> str:
        budget = history.definition.budget.trials
        left = f"{max(budget - history.started, 0)} of {budget} trials left"
        return (
            f"{self.count} trials in a row failed, so no more are started (`failures.max_in_a_row`). The last one, "
            f"trial {trial.id} ({cause_text(end.cause)}): {end.message}\n{self._output_of(trial)}Fix the cause and run "
            f"the campaign again: it continues, with {left}. To make up for the failed trials, raise `budget.trials`."
        )

    def _output_of(self, trial: Trial) -> str:
        """Return a sentence with the place of the output; empty if there is no output."""
        if self.outputs is None:
            return ""
        where = "Its output on this machine is in" if self.here else "The machine that evaluated it has its output in"
        return f"{where} {self.outputs / trial.attempts[-1].key}. "


def _was_foreseen(trial: Trial) -> bool:
    made = trial.proposal.provenance
    feasible = None if made is None else made.weights.probability_feasible
    return feasible is not None and feasible < 0.5
