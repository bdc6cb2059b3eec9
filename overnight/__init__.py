"""Overnight from Python: run a campaign, or bring your own loop with `AskTell`, or only ask `propose`."""

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
from evaluators import Infeasible
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
