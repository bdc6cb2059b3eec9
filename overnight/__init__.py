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
    from campaign.errors import OvernightError
    from evaluators.infeasible import Infeasible
    from flows.ask_tell import AskTell
    from flows.campaign_file import CampaignFile, load_campaign_file
    from flows.run import CampaignResult, run_campaign

__all__ = [
    "AskTell",
    "BayesianProposer",
    "Campaign",
    "CampaignFile",
    "CampaignResult",
    "History",
    "Infeasible",
    "Measurement",
    "OvernightError",
    "Proposal",
    "SobolProposer",
    "load_campaign_file",
    "propose",
    "recommend",
    "run_campaign",
]
_HOMES = {
    "AskTell": "flows.ask_tell",
    "BayesianProposer": "bo_core",
    "Campaign": "campaign",
    "CampaignFile": "flows.campaign_file",
    "CampaignResult": "flows.run",
    "History": "campaign",
    "Infeasible": "evaluators.infeasible",
    "Measurement": "campaign",
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
