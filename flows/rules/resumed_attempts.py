"""The evaluation at a lower fidelity from which an attempt continues, as its evaluator receives it."""

from overnight.campaign import History
from overnight.campaign.evaluation import ResumeFrom
from overnight.campaign.history.trial import Attempt, Observation


def resume_from(history: History, attempt: Attempt) -> ResumeFrom | None:
    """Return what an attempt continues from, as its start recorded it; None if it begins from the start."""
    if attempt.resumed is None:
        return None
    trial = history.trials[attempt.resumed.trial]
    ended = trial.outcome
    assert isinstance(ended, Observation)
    key = next(each.key for each in trial.attempts if each.number == ended.attempt)
    return ResumeFrom(trial=trial.id, fidelity=attempt.resumed.fidelity, key=key, artifacts=ended.artifacts)
