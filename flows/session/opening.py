"""Open a campaign's ledger: record its definition the first time, compare it later."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from types import MappingProxyType
from typing import Any

from overnight.campaign import Campaign, History
from overnight.campaign.changes import differences
from overnight.campaign.contradictions import contradictions
from overnight.campaign.errors import InvalidDefinition, LedgerMoved
from overnight.campaign.history.events import CampaignDefined, CampaignRevised
from overnight.campaign.parameters import Value
from overnight.campaign.values.read_only import ReadOnlyDict
from overnight.flows.host.clock import Clock
from overnight.flows.host.log import LOG
from overnight.flows.session.journal import Journal

# The actor of definitions that come with a run; a revision has the person as its actor.
_RUN = "user"
_NOTHING: Mapping[str, Value] = MappingProxyType({})


async def open_campaign(
    journal: Journal,
    campaign: Campaign,
    settings: dict[str, Any],
    clock: Clock,
    notify: Callable[[str], None] = LOG.warning,
    fix: Mapping[str, Value] = _NOTHING,
) -> None:
    """Read the ledger and make sure that it holds this campaign; record the definition if it holds no campaign.

    `fix` keeps parameters at values during this run, in addition to the definition that holds. A changed budget, number
    of workers or settings are recorded as a revision. A definition that was revised since changes nothing: the newest
    one holds, which `notify` reports. Only `fix` changes back. Raises InvalidDefinition for any other change.
    """
    await journal.refresh()
    while (event := _opening_event(journal.history, campaign, settings, clock, fix)) is not None:
        with suppress(LedgerMoved):
            await journal.append([event])
    if (outdated := why_outdated(journal.history, campaign)) is not None:
        notify(outdated)


def effective_definition(history: History, campaign: Campaign, fix: Mapping[str, Value] = _NOTHING) -> Campaign:
    """Return the definition that will hold if a file with this one is run, with these parameters fixed by the run.

    If it was revised since, a file that is still the old one does not undo the revision. Raises InvalidDefinition if
    the revised space does not have the fixed values.
    """
    effective = history.definition if _is_held(history, campaign) else campaign
    if not fix:
        return effective
    fixed = {**(effective.fix or {}), **fix}
    if problems := [*contradictions({**dict(effective), "fix": fixed}, anywhere=True)]:
        raise InvalidDefinition([str(problem) for problem in problems])
    return effective.model_copy(update={"fix": ReadOnlyDict(fixed)})


def refused_changes(history: History, campaign: Campaign) -> list[str]:
    """Return the changes that make it another campaign than the ledger's; empty if that holds or held this one."""
    if history.defined is None or _is_held(history, campaign):
        return []
    return differences(history.definition, campaign)


def refuse_another(history: History, campaign: Campaign, path: str = "CAMPAIGN") -> None:
    """Raise InvalidDefinition if the ledger holds another campaign of this name than the file at `path`."""
    if not (changes := refused_changes(history, campaign)):
        return
    on_request = not differences(history.definition, campaign, on_request=True)
    or_revise = f"; or apply its new space with `overnight revise {path}`" if on_request else ""
    raise InvalidDefinition(
        [
            f"The ledger already holds a campaign `{campaign.name}` that was defined differently. Undo the changes, "
            f"or give this campaign another `name`{or_revise}:",
            *changes,
        ]
    )


def why_outdated(history: History, campaign: Campaign) -> str | None:
    """Return a warning for a definition that held before and was revised since; None for any other."""
    revised = history.revised
    if revised is None or is_same(revised.definition, campaign) or not _is_held(history, campaign):
        return None
    return (
        f"Campaign `{campaign.name}` was revised since this version of its file, and the ledger's revision "
        f"{revised.revision} holds. To go back on purpose, run `overnight revise` with this file."
    )


def _opening_event(
    history: History, campaign: Campaign, settings: dict[str, Any], clock: Clock, fix: Mapping[str, Value]
) -> CampaignDefined | CampaignRevised | None:
    refuse_another(history, campaign)
    campaign = effective_definition(history, campaign, fix)
    if history.defined is None:
        uid = secrets.token_hex(4)
        return CampaignDefined(time=clock.now(), actor=_RUN, uid=uid, definition=campaign, settings=settings)
    latest = history.revised or history.defined
    if (campaign, settings) == (latest.definition, latest.settings):
        return None
    return revised_by_run(history, campaign, settings, clock.now())


def revised_by_run(history: History, campaign: Campaign, settings: dict[str, Any], now: datetime) -> CampaignRevised:
    """Return the event by which a run replaces the definition that holds."""
    revision = 1 if history.revised is None else history.revised.revision + 1
    return CampaignRevised(time=now, actor=_RUN, revision=revision, definition=campaign, settings=settings)


def _is_held(history: History, campaign: Campaign) -> bool:
    """Return whether this definition holds now, or held before and is not that of a new run.

    What one run fixed was for that run, so the definition from before it may hold again.
    """
    if history.defined is None:
        return False
    if is_same(history.definition, campaign):
        return True
    return any(is_same(known, campaign) for known in history.superseded) and not _fixes_again(history, campaign)


def _fixes_again(history: History, campaign: Campaign) -> bool:
    """Return whether nothing but `fix` differs from the newest definition, whose `fix` came with a run."""
    revised = history.revised
    if revised is None or revised.actor != _RUN or history.superseded[-1].fix == revised.definition.fix:
        return False
    return is_same(revised.definition.model_copy(update={"fix": campaign.fix}), campaign)


def is_same(one: Campaign, other: Campaign) -> bool:
    """Compare two definitions; equal values of other types, or in another order, make another campaign."""
    return one == other and not differences(one, other)
