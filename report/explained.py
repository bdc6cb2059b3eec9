"""The whole explanation of one trial, from the events of its campaign."""

from collections.abc import Sequence

from overnight.bo_core.data.encoding import Encoding
from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.campaign.experiment.arms import batch_of
from overnight.campaign.history.events import Event, TrialProposed
from overnight.campaign.standing.in_context import in_context, seen_from
from overnight.report.explanation import (
    explanation,
    feasible_sentence,
    front_sentence,
    outside_sentence,
    suspect_sentence,
    version_sentence,
)
from overnight.report.phrases.arms import difference_sentence
from overnight.report.phrases.contexts import turn_sentence

_OF_RESULT = (
    difference_sentence,
    feasible_sentence,
    front_sentence,
    outside_sentence,
    suspect_sentence,
    version_sentence,
)


def explained(events: Sequence[Event], trial: int, where: object) -> list[str]:
    """Return the knowledge from which a trial was proposed, its predicted outcome and its result, as lines.

    `where` names the campaign. Raises LedgerError if there is no such trial.
    """
    asked = next((event for event in events if isinstance(event, TrialProposed) and event.trial == trial), None)
    seen = asked.provenance.asked.events_seen if asked is not None and asked.provenance is not None else None
    # Each event is folded once: first those that the proposal saw, then the later ones.
    then = History.from_events(events[:seen])
    now = then.extended([] if seen is None else events[seen:])
    if trial not in now.trials:
        raise LedgerError(f"{where}: expected a trial up to {now.next_trial - 1}, found no trial {trial}.")
    features = Encoding(then.definition.space).slices
    asked_for = now.trials[trial]
    given = now.definition.context_of(asked_for.point)
    turn = None if given is None else turn_sentence(then, asked_for, given)
    if given is not None:
        then, now = seen_from(then, given), in_context(now, given)
    batch = batch_of(now, asked_for.batch) if now.definition.is_ab_test else ()
    of_result = [each(now, asked_for) for each in _OF_RESULT]
    first, *others = explanation(then, asked_for, features, batch)
    return [first, *filter(None, [turn]), *others, *filter(None, of_result)]
