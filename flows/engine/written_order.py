"""Restore the order in which a campaign's file lists its parameters.

A Prefect server on PostgreSQL sorts the keys of a deployment's parameters, because it stores them as JSONB. In another
order, the parameters have other first points, and the ledger would refuse the file of the user.
"""

from collections.abc import Sequence
from typing import Any

from overnight.flows.definition.campaign_file import CampaignFile

# The order within each of these mappings matters.
_ORDERED = ("parameters", "context")


def written_order(file: CampaignFile) -> list[str]:
    """Return the names of the parameters and of the values in `context`, in the order of the file."""
    campaign = file.campaign.model_dump(mode="json")
    return [name for key in _ORDERED for name in campaign.get(key) or ()]


def in_written_order(file: CampaignFile, names: Sequence[str]) -> CampaignFile:
    """Return the file with its parameters in the order of `names`; deployments of older versions give no names."""
    if not names:
        return file
    place = {name: number for number, name in enumerate(names)}
    written = file.model_dump(mode="json")
    campaign: dict[str, Any] = written["campaign"]
    for key in _ORDERED:
        if campaign.get(key):
            campaign[key] = dict(sorted(campaign[key].items(), key=lambda item: place.get(item[0], len(place))))
    return CampaignFile.model_validate(written)
