"""Overnight from Python: run a campaign, or bring your own loop with `AskTell`, or only ask `propose`.

Each name is imported when it is first used, so that a function that is evaluated can say `Infeasible` without loading
everything else for every attempt.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overnight.bo_core import BayesianProposer, SobolProposer
    from overnight.bo_core.propose import propose
    from overnight.bo_core.recommend import recommend
    from overnight.campaign import Campaign, History, Measurement, Proposal
    from overnight.campaign.errors import (
        AskLater,
        BudgetSpent,
        CampaignHeld,
        CampaignStopped,
        CannotPropose,
        CannotStart,
        InvalidDefinition,
        InvalidResult,
        NotUnderWay,
        OvernightError,
    )
    from overnight.evaluators.infeasible import Infeasible
    from overnight.flows.api.ask_tell import AskTell
    from overnight.flows.api.run import CampaignResult, run_campaign
    from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file

__all__ = [
    "AskLater",
    "AskTell",
    "BayesianProposer",
    "BudgetSpent",
    "Campaign",
    "CampaignFile",
    "CampaignHeld",
    "CampaignResult",
    "CampaignStopped",
    "CannotPropose",
    "CannotStart",
    "History",
    "Infeasible",
    "InvalidDefinition",
    "InvalidResult",
    "Measurement",
    "NotUnderWay",
    "OvernightError",
    "Proposal",
    "SobolProposer",
    "load_campaign_file",
    "propose",
    "recommend",
    "run_campaign",
]
_HOMES = {
    "AskLater": "overnight.campaign.errors",
    "AskTell": "overnight.flows.api.ask_tell",
    "BayesianProposer": "overnight.bo_core",
    "BudgetSpent": "overnight.campaign.errors",
    "Campaign": "overnight.campaign",
    "CampaignFile": "overnight.flows.definition.campaign_file",
    "CampaignHeld": "overnight.campaign.errors",
    "CampaignResult": "overnight.flows.api.run",
    "CampaignStopped": "overnight.campaign.errors",
    "CannotPropose": "overnight.campaign.errors",
    "CannotStart": "overnight.campaign.errors",
    "History": "overnight.campaign",
    "Infeasible": "overnight.evaluators.infeasible",
    "InvalidDefinition": "overnight.campaign.errors",
    "InvalidResult": "overnight.campaign.errors",
    "Measurement": "overnight.campaign",
    "NotUnderWay": "overnight.campaign.errors",
    "OvernightError": "overnight.campaign.errors",
    "Proposal": "overnight.campaign",
    "SobolProposer": "overnight.bo_core",
    "load_campaign_file": "overnight.flows.definition.campaign_file",
    "propose": "overnight.bo_core.propose",
    "recommend": "overnight.bo_core.recommend",
    "run_campaign": "overnight.flows.api.run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `overnight` has no attribute `{name}`")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
