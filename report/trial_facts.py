"""What a report reads off a single trial: its measured objective, and why it failed."""

from campaign import Campaign, Measurement, Trial
from campaign.trial import Failure, Observation


def objective_of(campaign: Campaign, trial: Trial) -> Measurement | None:
    """Return the measurement of the objective, or None where there is none."""
    if isinstance(trial.outcome, Observation):
        return trial.outcome.metrics.get(campaign.objective.metric)
    return None


def failure_of(trial: Trial) -> Failure | None:
    """Return why a trial ended without a result, or None where it did not."""
    return trial.outcome if isinstance(trial.outcome, Failure) else None
