"""Decide from the latest recorded gains whether another trial is worth its cost."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, groupby, takewhile

from overnight.campaign.contexts import Given
from overnight.campaign.contexts.context import in_it
from overnight.campaign.history.history import History
from overnight.campaign.history.provenance import Provenance


@dataclass(frozen=True)
class GainLeft:
    """The latest expected gain, in the metric's unit, and how many decisions in a row were below the limit."""

    latest: float
    in_a_row: int


def gain_left(history: History) -> GainLeft | None:
    """Return what is left to gain in the sense of `stop_when`; None until a decision has recorded a gain.

    Trials that were proposed together are one decision, and the largest expected gain among them counts. Gains expected
    before the campaign was last revised do not count, because a wider space or another threshold changes the question.
    With contexts, the largest gain of all counts and the shortest row: each context must have little left to gain.
    """
    contexts = history.definition.open_contexts
    left = [_gain_left(history, given) for given in contexts or ({},)]
    known = [each for each in left if each is not None]
    if len(known) < len(left):
        return None
    return GainLeft(max(each.latest for each in known), min(each.in_a_row for each in known))


def _gain_left(history: History, given: Given) -> GainLeft | None:
    wanted = history.definition.stop_when
    gains = _latest_first(history, given)
    latest = next(gains, None)
    if wanted is None or latest is None:
        return None
    enough = takewhile(lambda gain: gain is not None and gain < wanted.expected_gain_below, chain([latest], gains))
    return GainLeft(latest, sum(1 for _ in enough))


def why_enough(history: History) -> str | None:
    """Return why too little is left to gain, even if that is only advice; None if enough is left."""
    wanted, left = history.definition.stop_when, gain_left(history)
    if wanted is None or left is None or left.in_a_row < wanted.in_a_row:
        return None
    times = "once" if wanted.in_a_row == 1 else f"{left.in_a_row} times in a row"
    return (
        f"expected gain left: one more trial is expected to {history.goal.gaining} by {left.latest:.2g}, {times} "
        f"less than {wanted.expected_gain_below:g} (`stop_when.expected_gain_below`)"
    )


def why_end_early(history: History) -> str | None:
    """Return why the campaign should end before its budget is spent; None if it should not or that is only advice."""
    wanted = history.definition.stop_when
    return None if wanted is None or wanted.advice_only else why_enough(history)


def _latest_first(history: History, given: Given) -> Iterator[float | None]:
    """Yield the largest gain expected by each decision about a context; None if no point was of any use."""
    since = history.revised.time if history.revised is not None else None
    made = (
        (trial.batch, trial.proposal.provenance)
        for trial in history.trials.newest_first()
        if trial.proposal.provenance is not None
        and _by_gain(trial.proposal.provenance)
        and in_it(trial.point, given)
        and (since is None or trial.proposed >= since)
    )
    for _, together in groupby(made, key=lambda pair: pair[0]):
        gains = [provenance.chosen.expected_gain for _, provenance in together]
        known = [gain for gain in gains if gain is not None]
        yield max(known) if len(known) == len(gains) else None


def _by_gain(made: Provenance) -> bool:
    """Return whether a model chose a point that was expected to gain something, if only feasibility or a front."""
    aims_at_some = bool(made.weights.constraints) or bool(made.chosen.worst)
    return made.chosen.expected_gain is not None or (aims_at_some and made.chosen.value is not None)
