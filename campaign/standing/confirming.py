"""Decide whether a campaign has come to its confirming trials, and whether one of them may be proposed now.

The last trials of a budget measure the point that the model believes to be the best, one after the other, so that the
recommended point has been measured (docs/decisions/0033-confirming.md).
"""

from dataclasses import dataclass
from itertools import takewhile

from overnight.campaign.definition import Campaign, lies_in
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Trial, Withdrawal
from overnight.campaign.standing.enough import why_end_early
from overnight.campaign.standing.spending import likely_left

_ONE_IN, _FEWEST_TRIALS = 15, 10
_UNLIMITED = 10**9


@dataclass(frozen=True)
class Confirming:
    """The confirming trials `left` to propose, and how many trials may be proposed now.

    Until the phase has `begun`, the search may propose as many as leave the confirming ones. These are then proposed
    one at a time, each once all other trials have ended.
    """

    left: int = 0
    begun: bool = False
    may_propose: int = _UNLIMITED


def confirming(campaign: Campaign, history: History) -> Confirming:
    """Return how far a campaign has come with its confirming trials.

    They begin when no more trials are left than are reserved for them, or when `stop_when` ends the search.
    """
    if campaign.confirm == "never" or not _has_model(history):
        return Confirming()
    left = likely_left(history, campaign.budget)
    reserve = reserved(campaign, history.taken + left)
    if left <= 0 or reserve <= 0:
        return Confirming()
    if left > reserve:
        if history.defined is None or why_end_early(history) is None:
            return Confirming(reserve, may_propose=left - reserve)
        left = reserve - _proposed_since_the_search(history)
        if left <= 0:
            return Confirming()
    waits = any(_is_outstanding(campaign, trial) for trial in history.trials.open)
    return Confirming(left, begun=True, may_propose=0 if waits else 1)


def reserved(campaign: Campaign, trials: int) -> int:
    """Return how many of so many trials confirm: with `auto` a fifteenth, at least one, but none of fewer than ten."""
    if isinstance(campaign.confirm, int):
        return campaign.confirm
    return max(round(trials / _ONE_IN), 1) if trials >= _FEWEST_TRIALS else 0


def _has_model(history: History) -> bool:
    """Return whether the recorded proposer has a model that knows what to confirm; an unrecorded one is the default."""
    latest = history.revised or history.defined
    proposer = None if latest is None else latest.settings.get("proposer")
    return proposer is None or proposer.get("kind") == "bayesian"


def _is_outstanding(campaign: Campaign, trial: Trial) -> bool:
    """Return whether a confirming trial must wait for this one.

    Under a policy, other trials may wait for approval for long, and the campaign continues without them. A trial that
    is outside revised bounds and not running never starts.
    """
    if trial.parked:
        return campaign.approve == "always" or trial.proposal.generator == "confirming"
    return trial.open_attempt is not None or lies_in(campaign, trial.point)


def _proposed_since_the_search(history: History) -> int:
    """Return how many trials were proposed to confirm, or by a stand-in in their place; rejected ones do not count."""
    since = takewhile(lambda trial: trial.proposal.generator != "model", history.trials.newest_first())
    computed = (trial for trial in since if trial.proposal.generator in ("confirming", "checking", "sobol"))
    return sum(1 for trial in computed if trial.counted or not isinstance(trial.outcome, Withdrawal))
