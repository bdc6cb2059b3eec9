"""The arms of a batch: trials that run at the same time and are evaluated together."""

from overnight.campaign.definition import Campaign
from overnight.campaign.evaluation import Arm
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Trial


def batch_of(history: History, batch: int | None) -> tuple[Trial, ...]:
    """Return the trials of a batch in the order of their ids, the status quo first."""
    if batch is None:
        return ()
    trials = (history.trials[number] for number in range(batch, history.next_trial) if number in history.trials)
    return tuple(trial for trial in trials if trial.batch == batch)


def is_status_quo(trial: Trial) -> bool:
    """Return whether an arm is the status quo of its batch, which is the first of it."""
    return trial.id == trial.batch


def arms_at(history: History, trial: Trial, attempt: int) -> tuple[Arm, ...]:
    """Return the arms that are evaluated together with this attempt at a trial; none unless it is an A/B test."""
    campaign = history.definition
    if not campaign.is_ab_test:
        return ()
    together = (each for each in batch_of(history, trial.batch) if len(each.attempts) >= attempt)
    return tuple(_arm(campaign, each, attempt) for each in together)


def _arm(campaign: Campaign, trial: Trial, attempt: int) -> Arm:
    return Arm(
        trial=trial.id,
        key=trial.attempts[attempt - 1].key,
        parameters=trial.point,
        traffic=units_of(campaign, trial),
        status_quo=is_status_quo(trial),
        ended=trial.outcome is not None or trial.attempts[attempt - 1].failed is not None,
    )


def units_of(campaign: Campaign, trial: Trial) -> int:
    """Return the planned units of an arm: its share of the traffic of a batch, at least one."""
    assert campaign.traffic is not None
    return max(round((trial.proposal.weight or 0.0) * campaign.traffic.per_batch), 1)


def stranded(history: History) -> list[Trial]:
    """Return the arms that will never start, because nothing is left of their batch that they can be compared with.

    These are other arms whose status quo has ended, and a status quo whose other arms have all ended before it began.
    """
    if not history.definition.is_ab_test:
        return []
    waiting = [trial for trial in history.trials.open if trial.open_attempt is None and trial.batch is not None]
    return [trial for trial in waiting if _is_alone(trial, batch_of(history, trial.batch))]


def _is_alone(trial: Trial, batch: tuple[Trial, ...]) -> bool:
    if is_status_quo(trial):
        return all(other.outcome is not None for other in batch if other.id != trial.id)
    return batch[0].outcome is not None
