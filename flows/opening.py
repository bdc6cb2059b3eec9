"""Opening a campaign's ledger: the first time its definition is written down, later it must be the same."""

import secrets
from contextlib import suppress
from typing import Any

from campaign import Campaign, History
from campaign.errors import InvalidDefinition, LedgerMoved
from campaign.events import CampaignDefined, CampaignFinished, CampaignRevised
from flows.clock import Clock
from flows.definition_changes import differences
from flows.journal import Journal


async def open_campaign(journal: Journal, campaign: Campaign, settings: dict[str, Any], clock: Clock) -> None:
    """Read the ledger and make sure that it holds this campaign; write the definition down if it holds none.

    A changed budget or number of workers, or other settings, are recorded as a revision. Raises
    InvalidDefinition for any other change.
    """
    await journal.refresh()
    while (event := _opening_event(journal.history, campaign, settings, clock)) is not None:
        with suppress(LedgerMoved):
            await journal.append([event])


def refuse_another(history: History, campaign: Campaign, path: str = "CAMPAIGN") -> None:
    """Raise InvalidDefinition where the ledger holds another campaign of this name than the file at `path`."""
    if history.defined is None or not (changes := differences(history.definition, campaign)):
        return
    bounds = not differences(history.definition, campaign, but_bounds=True)
    or_revise = f"; or say that its bounds changed, by `overnight revise {path}`" if bounds else ""
    raise InvalidDefinition(
        [
            f"The ledger already holds a campaign `{campaign.name}` that was defined differently. Change it back, "
            f"or give this one another `name`{or_revise}:",
            *changes,
        ]
    )


def is_over(history: History, campaign: Campaign, settings: dict[str, Any]) -> bool:
    """Tell whether this very campaign has finished, so that running it again would change nothing."""
    return isinstance(history.closed_by, CampaignFinished) and _is_latest(history, campaign, settings)


def _opening_event(
    history: History, campaign: Campaign, settings: dict[str, Any], clock: Clock
) -> CampaignDefined | CampaignRevised | None:
    if history.defined is None:
        uid = secrets.token_hex(4)
        return CampaignDefined(time=clock.now(), actor="user", uid=uid, definition=campaign, settings=settings)
    refuse_another(history, campaign)
    if _is_latest(history, campaign, settings):
        return None
    revision = 1 if history.revised is None else history.revised.revision + 1
    return CampaignRevised(time=clock.now(), actor="user", revision=revision, definition=campaign, settings=settings)


def _is_latest(history: History, campaign: Campaign, settings: dict[str, Any]) -> bool:
    latest = history.revised or history.defined
    return latest is not None and (latest.definition, latest.settings) == (campaign, settings)
