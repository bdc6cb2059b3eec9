"""The trials measured by each version of the evaluator, if there were several."""

from collections.abc import Iterable

from overnight.campaign import History, Trial
from overnight.campaign.history.evaluator_version import EvaluatorVersion
from overnight.campaign.history.trial import Observation


def version_of(trial: Trial) -> str | None:
    """Return the version of the evaluator that measured a trial; None if it has no result, or nobody knows."""
    if not isinstance(trial.outcome, Observation):
        return None
    return next((a.evaluator for a in trial.attempts if a.number == trial.outcome.attempt), None)


def measured_by(history: History) -> dict[str, list[int]]:
    """Return the trials that each version has measured, in the order in which these first did."""
    found: dict[str, list[int]] = {}
    for number in sorted(history.trials):
        if (version := version_of(history.trials[number])) is not None:
            found.setdefault(version, []).append(number)
    return found


def versions_sentence(history: History) -> str | None:
    """Return which trials were measured by which version, and what changed; None unless there were several."""
    measured = measured_by(history)
    if len(measured) < 2:
        return None
    said = [f"{digest} {trials_text(trials)}{_changes(history, digest)}" for digest, trials in measured.items()]
    return f"the evaluator changed between trials, which were measured by different versions: {'; '.join(said)}"


def version_sentence(history: History, trial: Trial) -> str | None:
    """Return which version of the evaluator has measured a trial; None unless there were several."""
    version = version_of(trial)
    if version is None or len(measured_by(history)) < 2:
        return None
    return f"It was measured by version {version} of the evaluator{_changes(history, version)}."


def trials_text(trials: Iterable[int]) -> str:
    """Return the numbers of trials in few words, such as `trials 1–4, 7`."""
    runs: list[tuple[int, int]] = []
    for number in sorted(trials):
        if runs and runs[-1][1] == number - 1:
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    named = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in runs)
    return f"trial{'' if len(runs) == 1 and runs[0][0] == runs[0][1] else 's'} {named}"


def _changes(history: History, digest: str) -> str:
    """Return how a version differs from the one before it, when it came first."""
    place = next((i for i, version in enumerate(history.evaluators) if version.digest == digest), 0)
    if place == 0:
        return ""
    before: EvaluatorVersion = history.evaluators[place - 1]
    return f" ({history.evaluators[place].changes(before)})"
