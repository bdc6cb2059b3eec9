"""The trials since the last revision, and whether one of them has confirmed."""

from collections.abc import Iterator
from itertools import takewhile

from overnight.campaign.contexts.context import in_it
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Trial


def has_confirmed(history: History) -> bool:
    """Return whether a confirming trial has given a result since the last revision, within a context one for it."""
    given = {} if history.defined is None else history.definition.given
    return any(
        trial.proposal.generator == "confirming" and trial.measured and in_it(trial.point, given)
        for trial in since_revision(history)
    )


def since_revision(history: History) -> Iterator[Trial]:
    """Yield the trials with a place in the budget that were proposed since the last revision, the newest first."""
    revised = takewhile(lambda trial: trial.id > history.revised_after, history.trials.newest_first())
    return (trial for trial in revised if trial.counted or trial.outcome is None)
