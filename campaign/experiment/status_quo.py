"""The status quo of each batch of an A/B test, with which the other arms of the batch are compared."""

from collections.abc import Iterable, Mapping

from overnight.campaign.history.trial import Generator, Trial

STATUS_QUO: Generator = "baseline"


def is_status_quo(trial: Trial) -> bool:
    """Return whether a trial is the status quo of its batch, which is the first arm of it."""
    return trial.id == trial.batch and trial.proposal.generator == STATUS_QUO


def status_quos(trials: Iterable[Trial]) -> dict[int, Trial]:
    """Return the status quo of each batch that has a result, by its id, which is the number of the batch."""
    return {trial.id: trial for trial in trials if is_status_quo(trial) and trial.measured}


def status_quo_of(trials: Mapping[int, Trial], trial: Trial) -> Trial | None:
    """Return which of these trials is the status quo of a trial's batch; None if none is."""
    first = None if trial.batch is None else trials.get(trial.batch)
    return first if first is not None and is_status_quo(first) else None


def compared_with(trials: Mapping[int, Trial], trial: Trial) -> Trial | None:
    """Return the status quo with which a trial is compared; None for the status quo itself, too."""
    return None if is_status_quo(trial) else status_quo_of(trials, trial)
