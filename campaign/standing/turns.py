"""Decide which contexts the next trials are for: contexts take turns, and those with the fewest trials come first."""

from collections.abc import Mapping, Sequence

from overnight.campaign.contexts import Given, given_text
from overnight.campaign.contexts.context import in_it
from overnight.campaign.definition import Campaign
from overnight.campaign.errors import Refused
from overnight.campaign.history.history import History
from overnight.campaign.parameters import Value


def turns(history: History, contexts: Sequence[Given], q: int, *, confirms: bool = False) -> list[tuple[Given, int]]:
    """Return those of the contexts that the next q trials are for, and how many of these each gets.

    Each trial in turn is for the context with the fewest so far, of equal ones for the first. Trials count that have a
    place in the budget; if the next ones `confirm`, only confirming trials since the last revision do.
    """
    counts = [_count(history, given, confirms=confirms) for given in contexts]
    following = dict[int, int]()
    for _ in range(q if contexts else 0):
        turn = counts.index(min(counts))
        counts[turn] += 1
        following[turn] = following.get(turn, 0) + 1
    return [(contexts[turn], count) for turn, count in following.items()]


def counts_of(campaign: Campaign, history: History) -> list[tuple[Given, int]]:
    """Return the contexts that new trials are for, and how many trials with a place in the budget each has had."""
    return [(given, _count(history, given, confirms=False)) for given in campaign.open_contexts]


def open_to(campaign: Campaign, asked: Mapping[str, Value] | None) -> tuple[Given, ...]:
    """Return the contexts that agree with `fix` and with the values that were asked for; raises Refused if none does.

    A value that no context has is refused, too.
    """
    found = tuple(given for given in campaign.open_contexts if (asked or {}).items() <= given.items())
    if not found:
        known = "; ".join(map(given_text, campaign.open_contexts))
        raise Refused(
            f"Campaign `{campaign.name}`: expected one of its contexts ({known}), got {given_text(asked or {})}. "
            "Nothing was written."
        )
    return found


def _count(history: History, given: Given, *, confirms: bool) -> int:
    return sum(
        in_it(trial.point, given) and not trial.imported and (trial.counted or trial.outcome is None)
        for trial in history.trials.values()
        if not confirms or (trial.proposal.generator == "confirming" and trial.id > history.revised_after)
    )
