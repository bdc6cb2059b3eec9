"""Decide whether a campaign that has finished has any work for another run."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from overnight.campaign import Campaign, History
from overnight.campaign.parameters import Value
from overnight.flows.rules.allowance import Allowance
from overnight.flows.session.opening import effective_definition, is_same, revised_by_run

_NOTHING: Mapping[str, Value] = MappingProxyType({})
_BUDGETS = ("trials", "evaluations", "cost", "wall_clock")


def is_over(
    history: History, campaign: Campaign, settings: dict[str, Any], fix: Mapping[str, Value] = _NOTHING
) -> bool:
    """Return whether this campaign has finished and running it again would try nothing.

    Other fixed values alone give it no work if a budget is spent. Any other change of the definition or the settings
    is recorded by a run.
    """
    latest, closed = history.revised or history.defined, history.finished
    if closed is None or latest is None or settings != latest.settings:
        return False
    held = effective_definition(history, campaign, fix)
    if is_same(history.definition, held):
        return True
    if not is_same(history.definition, held.model_copy(update={"fix": history.definition.fix})):
        return False
    after = history.extended([revised_by_run(history, held, settings, closed.time)])
    allowed = Allowance(
        history=after,
        now=closed.time,
        in_flight=frozenset(),
        running=0,
        willing=True,
        in_window=True,
        exhausted=False,
    )
    return allowed.why_over is not None


def why_not_fixed(history: History, path: str) -> str:
    """Return why a run that should fix values has no effect, and what to do, for a campaign that is over."""
    campaign, closed = history.definition, history.finished
    assert closed is not None
    spent = closed.because in _BUDGETS and not campaign.is_ab_test
    advice = f" To try more trials, raise `budget.{closed.because}` in {path} and run it again." if spent else ""
    return (
        f"Campaign `{campaign.name}` has finished: {closed.reason}. Nothing was tried with the values that this run "
        f"should fix, and nothing was written.{advice}"
    )
