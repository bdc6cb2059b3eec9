"""Opening a campaign's ledger: the first time its definition is written down, later it must be the same."""

import secrets
from contextlib import suppress
from typing import Any

from campaign import Campaign
from campaign.errors import InvalidDefinition, LedgerMoved
from campaign.events import CampaignDefined, CampaignRevised
from flows.clock import Clock
from flows.definition_changes import differences
from flows.journal import Journal


async def open_campaign(journal: Journal, campaign: Campaign, settings: dict[str, Any], clock: Clock) -> None:
    """Read the ledger and make sure that it holds this campaign; write the definition down if it holds none.

    A changed budget or number of workers is recorded as a revision. Raises InvalidDefinition for any other change.
    """
    await journal.refresh()
    while journal.history.defined is None:
        with suppress(LedgerMoved):
            defined = CampaignDefined(
                time=clock.now(), actor="user", uid=secrets.token_hex(4), definition=campaign, settings=settings
            )
            await journal.append([defined])
    latest = journal.history.revised or journal.history.defined
    changes = differences(latest.definition, campaign)
    if changes:
        raise InvalidDefinition(
            [
                f"The ledger already holds a campaign `{campaign.name}` that was defined differently. Change it back, "
                "or give this one another `name`:",
                *changes,
            ]
        )
    if (latest.definition, latest.settings) != (campaign, settings):
        revision = 1 if journal.history.revised is None else journal.history.revised.revision + 1
        revised = CampaignRevised(
            time=clock.now(), actor="user", revision=revision, definition=campaign, settings=settings
        )
        await journal.append([revised])
