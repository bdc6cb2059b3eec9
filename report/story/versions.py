"""The versions of the evaluator, and the trials that each has measured."""

from overnight.campaign import History, Trial
from overnight.campaign.history.trial import Observation
from overnight.report.story.section import Section


class Version(Section):
    """A version of the evaluator, the trials that it measured, and its changes to the version before."""

    digest: str
    trials: tuple[int, ...]
    changes: str | None


def versions_of(history: History) -> tuple[Version, ...]:
    """Return the versions that measured trials, in the order of their first trials."""
    measured: dict[str, list[int]] = {}
    for number in sorted(history.trials):
        if (version := version_of(history.trials[number])) is not None:
            measured.setdefault(version, []).append(number)
    return tuple(
        Version(digest=digest, trials=tuple(trials), changes=_changes(history, digest))
        for digest, trials in measured.items()
    )


def version_of(trial: Trial) -> str | None:
    """Return the version of the evaluator that measured a trial; None if that is unknown, or there is no result."""
    if not isinstance(trial.outcome, Observation):
        return None
    return next((a.evaluator for a in trial.attempts if a.number == trial.outcome.attempt), None)


def _changes(history: History, digest: str) -> str | None:
    """Return the difference between a version and the one before its first appearance."""
    place = next((i for i, version in enumerate(history.evaluators) if version.digest == digest), 0)
    return history.evaluators[place].changes(history.evaluators[place - 1]) if place > 0 else None
