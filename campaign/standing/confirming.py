"""Decide whether a campaign has come to its confirming trials, and whether one of them may be proposed now.

The last trials of a budget measure the point that the model believes to be the best, one after the other, so that the
recommended point has been measured (docs/decisions/0033-confirming.md). With several objectives there is no single best
point, and recommended points have always been measured, so nothing is confirmed.
"""

from dataclasses import dataclass
from itertools import islice, takewhile

from overnight.campaign.definition import Campaign, lies_in
from overnight.campaign.history.history import History
from overnight.campaign.history.trial import Trial
from overnight.campaign.standing.confirmed import since_revision
from overnight.campaign.standing.enough import why_end_early
from overnight.campaign.standing.fidelity_costs import pays_for_search
from overnight.campaign.standing.room import pays_for_full, trials_left

# The results without which no model knows what to confirm.
LEAST_OBSERVED = 2
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

    They begin when no more trials are left than places are reserved for them, or when `stop_when` ends the search. If
    more trials are left afterwards, because some cost less than expected, the search continues. No more trials confirm
    than were reserved, unless people revise the campaign.
    """
    if not confirms(campaign) or not _has_model(history):
        return Confirming()
    left, ends_early = trials_left(campaign, history), _ends_early(history)
    reserve = reserved(campaign, history.taken + left) - _places_used(history, searched=ends_early)
    if left <= 0 or reserve <= 0:
        return Confirming()
    if left > reserve and not ends_early and pays_for_search(campaign, history, reserve):
        return Confirming(reserve, may_propose=left - reserve)
    awaited = any(_is_outstanding(campaign, trial) for trial in history.trials.open)
    waits = awaited or (bool(history.trials.open) and not _has_results(campaign, history))
    may_propose = 0 if waits or not pays_for_full(campaign, history) else 1
    return Confirming(min(left, reserve), begun=True, may_propose=may_propose)


def confirms(campaign: Campaign) -> bool:
    """Return whether a campaign has confirming trials; one with a fidelity always has, which are at full fidelity."""
    return campaign.confirm != "never" or campaign.fidelity is not None


def confirming_trials(history: History) -> int:
    """Return how many confirming trials have a place in the budget since the last revision."""
    return sum(trial.proposal.generator == "confirming" for trial in since_revision(history))


def reserved(campaign: Campaign, trials: int) -> int:
    """Return how many of so many trials confirm: with `auto` a fifteenth, at least one, but none of fewer than ten.

    None confirms with several objectives, and one at full fidelity at least if the campaign has fidelities. With
    `auto`, each context has the share of a campaign with its part of them.
    """
    if campaign.goal.has_front:
        return 0
    if isinstance(campaign.confirm, int):
        return campaign.confirm
    if campaign.fidelity is not None:
        return 1
    contexts = max(len(campaign.open_contexts), 1)
    each = trials / contexts
    return contexts * max(round(each / _ONE_IN), 1) if each >= _FEWEST_TRIALS else 0


def _has_model(history: History) -> bool:
    """Return whether the recorded proposer has a model that knows what to confirm; an unrecorded one is the default."""
    latest = history.revised or history.defined
    proposer = None if latest is None else latest.settings.get("proposer")
    return proposer is None or proposer.get("kind") == "bayesian"


def _has_results(campaign: Campaign, history: History) -> bool:
    """Return whether there are results for a model; without them, points of a sequence would use the reserve."""
    results = (trial for trial in history.trials.newest_first() if trial.measured and lies_in(campaign, trial.point))
    return len([*islice(results, LEAST_OBSERVED)]) == LEAST_OBSERVED


def _is_outstanding(campaign: Campaign, trial: Trial) -> bool:
    """Return whether a confirming trial must wait for this one.

    Under a policy, other trials may wait for approval for long, and the campaign continues without them. A trial that
    is outside revised bounds and not running never starts.
    """
    if trial.parked:
        return campaign.approve == "always" or trial.proposal.generator == "confirming"
    return trial.open_attempt is not None or lies_in(campaign, trial.point)


def _ends_early(history: History) -> bool:
    return history.defined is not None and why_end_early(history) is not None


def _places_used(history: History, *, searched: bool) -> int:
    """Return how many reserved places are used since the last revision: by confirming trials, and by a stand-in's.

    A stand-in uses them after the first confirming trial since the search, or once everything is `searched`. A rejected
    trial leaves its place.
    """
    made_by = [trial.proposal.generator for trial in since_revision(history)]
    phase = [*takewhile(lambda generator: generator != "model", made_by)]
    while phase and not searched and phase[-1] != "confirming":
        phase.pop()
    return made_by.count("confirming") + phase.count("sobol")
