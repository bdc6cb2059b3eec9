"""What can be read off a single trial: its status, its measured objective, the seconds it took."""

from typing import Literal

from campaign import Campaign, Measurement, Trial
from campaign.trial import Failure, Observation

Status = Literal["observed", "running", "waiting", "failed"]


def status_of(trial: Trial) -> Status:
    """Return how a trial stands; one that waits has no attempt under way."""
    if trial.outcome is not None:
        return trial.outcome.kind
    return "running" if trial.open_attempt is not None else "waiting"


def objective_of(campaign: Campaign, trial: Trial) -> Measurement | None:
    """Return the measurement of the objective, or None where there is none."""
    if isinstance(trial.outcome, Observation):
        return trial.outcome.metrics.get(campaign.objective.metric)
    return None


def seconds_of(trial: Trial) -> float:
    """Return the seconds that all of a trial's ended attempts took together."""
    failed = sum(a.failed.seconds for a in trial.attempts if a.failed is not None)
    return failed + (trial.outcome.seconds if isinstance(trial.outcome, Observation) else 0.0)


def took(trial: Trial) -> float | None:
    """Return the seconds that an ended trial took; None before its end, and where nothing was executed for it."""
    return seconds_of(trial) if trial.outcome is not None and trial.attempts else None


def failure_of(trial: Trial) -> Failure | None:
    """Return why a trial ended without a result, or None where it did not."""
    return trial.outcome if isinstance(trial.outcome, Failure) else None
