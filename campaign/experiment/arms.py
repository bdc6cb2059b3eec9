"""The arms of a batch: trials that run at the same time and are evaluated together."""

from collections.abc import Callable

from overnight.campaign.definition import Campaign
from overnight.campaign.evaluation import Arm
from overnight.campaign.experiment.effects import measured_by
from overnight.campaign.experiment.status_quo import compared_with, is_status_quo
from overnight.campaign.goal import Measured
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Trial, Withdrawal

# Why arms are withdrawn that have nothing to be compared with.
NOTHING_TO_COMPARE = "nothing is left in its batch that it could be compared with"


def batch_of(history: History, batch: int | None) -> tuple[Trial, ...]:
    """Return the trials of a batch in the order of their ids, the status quo first."""
    if batch is None:
        return ()
    trials = (history.trials[number] for number in range(batch, history.next_trial) if number in history.trials)
    return tuple(trial for trial in trials if trial.batch == batch)


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


def count_notes(campaign: Campaign, trial: Trial | None, metrics: Measured) -> tuple[str, ...]:
    """Return a note if metrics of the goal in an arm's result have an error and no count of units."""
    if campaign.traffic is None or trial is None:
        return ()
    found = {name: measured_by(campaign.goal, name, metrics) for name in campaign.goal.metrics}
    missing = [f"`{name}`" for name, each in found.items() if each is not None and each.sem and each.n is None]
    if not missing:
        return ()
    planned = f"the {units_of(campaign, trial)} {campaign.traffic.unit} that were planned for this arm count"
    return (f"metric {', '.join(missing)}: expected the count `n`, found none, so {planned}",)


def stranded(history: History) -> list[Trial]:
    """Return the arms that must end or never start, because they could be compared with nothing in their batch.

    These are waiting arms whose status quo has ended, a waiting status quo whose other arms have all ended, and running
    arms whose status quo a person has withdrawn.
    """
    running = [trial for trial in history.trials.open if trial.open_attempt is not None]
    lost = [trial for trial in running if history.definition.is_ab_test and _has_lost_its_status_quo(history, trial)]
    return [*_alone(history, lambda other: other.outcome is not None), *lost]


def unmatched(history: History) -> list[Trial]:
    """Return the waiting arms that can be compared with nothing, although arms need not run at the same time.

    These are the arms of `stranded`, but an arm that has a result can be compared after its end.
    """
    return _alone(history, lambda other: other.outcome is not None and not other.measured)


def _alone(history: History, is_gone: Callable[[Trial], bool]) -> list[Trial]:
    if not history.definition.is_ab_test:
        return []
    waiting = [trial for trial in history.trials.open if trial.open_attempt is None and trial.batch is not None]
    return [trial for trial in waiting if _is_alone(history, trial, is_gone)]


def _is_alone(history: History, trial: Trial, is_gone: Callable[[Trial], bool]) -> bool:
    if is_status_quo(trial):
        return all(is_gone(other) for other in batch_of(history, trial.batch) if other.id != trial.id)
    status_quo = compared_with(history.trials, trial)
    return status_quo is not None and is_gone(status_quo)


def _has_lost_its_status_quo(history: History, trial: Trial) -> bool:
    status_quo = compared_with(history.trials, trial)
    return status_quo is not None and isinstance(status_quo.outcome, Withdrawal)
