"""Overnight from Python: run a campaign, or bring your own loop with `AskTell`, or only ask `propose`.

Each name is imported when it is first used, so that a function that is evaluated can say `Infeasible` without loading
everything else for every attempt.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bo_core import BayesianProposer, SobolProposer
    from bo_core.propose import propose
    from bo_core.recommend import recommend
    from campaign import Campaign, History, Measurement, Proposal
    from campaign.errors import (
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
    from evaluators.infeasible import Infeasible
    from flows.ask_tell import AskTell
    from flows.campaign_file import CampaignFile, load_campaign_file
    from flows.run import CampaignResult, run_campaign

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
    "AskLater": "campaign.errors",
    "AskTell": "flows.ask_tell",
    "BayesianProposer": "bo_core",
    "BudgetSpent": "campaign.errors",
    "Campaign": "campaign",
    "CampaignFile": "flows.campaign_file",
    "CampaignHeld": "campaign.errors",
    "CampaignResult": "flows.run",
    "CampaignStopped": "campaign.errors",
    "CannotPropose": "campaign.errors",
    "CannotStart": "campaign.errors",
    "History": "campaign",
    "Infeasible": "evaluators.infeasible",
    "InvalidDefinition": "campaign.errors",
    "InvalidResult": "campaign.errors",
    "Measurement": "campaign",
    "NotUnderWay": "campaign.errors",
    "OvernightError": "campaign.errors",
    "Proposal": "campaign",
    "SobolProposer": "bo_core",
    "load_campaign_file": "flows.campaign_file",
    "propose": "bo_core.propose",
    "recommend": "bo_core.recommend",
    "run_campaign": "flows.run",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `overnight` has no attribute `{name}`")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
