"""A history as one of the campaign's contexts sees it, with all trials or with its own."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from overnight.campaign.contexts.context import in_it
from overnight.campaign.history.history import History
from overnight.campaign.history.trials import Trials
from overnight.campaign.parameters import Value


def seen_from(history: History, given: Mapping[str, Value]) -> History:
    """Return the history with its definition within a context; trials for other contexts lie outside of its space."""
    defined, revised = (
        None if event is None else event.model_copy(update={"definition": event.definition.within(given)})
        for event in (history.defined, history.revised)
    )
    return replace(history, defined=defined, revised=revised)


def in_context(history: History, given: Mapping[str, Value]) -> History:
    """Return the history with the trials of a context only, and with its part of a recorded recommendation."""
    trials = {number: trial for number, trial in history.trials.items() if in_it(trial.point, given)}
    reports = {number: found for number, found in history.reports.items() if number in trials}
    made = history.recommended
    found = None if made is None else made.recommendation.in_context(given)
    recommended = None if made is None or found is None else made.model_copy(update={"recommendation": found})
    seen = seen_from(history, given)
    return replace(seen, trials=Trials(trials), reports=MappingProxyType(reports), recommended=recommended)
