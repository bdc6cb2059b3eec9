"""Overnight from Python: run a campaign, write your own loop with `AskTell`, or only call `propose`.

Each name is imported on first use, so that an evaluated function can raise `Infeasible` or return `Running` without
loading everything else in every attempt.
"""

from typing import TYPE_CHECKING

from overnight.campaign.values.lazily import lazily

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
    from overnight.evaluators.ongoing.running import Running
    from overnight.flows.api.ask_tell import AskTell
    from overnight.flows.api.minimize import maximize, minimize
    from overnight.flows.api.open_campaign import OpenCampaign, open_campaign
    from overnight.flows.api.run import CampaignResult, run_campaign
    from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file
    from overnight.flows.optuna_studies.opening import optuna_storage, optuna_view

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
    "OpenCampaign",
    "OvernightError",
    "Proposal",
    "Running",
    "SobolProposer",
    "load_campaign_file",
    "maximize",
    "minimize",
    "open_campaign",
    "optuna_storage",
    "optuna_view",
    "propose",
    "recommend",
    "run_campaign",
]
__getattr__, __dir__ = lazily(
    __name__,
    {
        "overnight.bo_core": ("BayesianProposer", "SobolProposer"),
        "overnight.bo_core.propose": ("propose",),
        "overnight.bo_core.recommend": ("recommend",),
        "overnight.campaign": ("Campaign", "History", "Measurement", "Proposal"),
        "overnight.campaign.errors": (
            "AskLater",
            "BudgetSpent",
            "CampaignHeld",
            "CampaignStopped",
            "CannotPropose",
            "CannotStart",
            "InvalidDefinition",
            "InvalidResult",
            "NotUnderWay",
            "OvernightError",
        ),
        "overnight.evaluators.infeasible": ("Infeasible",),
        "overnight.evaluators.ongoing.running": ("Running",),
        "overnight.flows.api.ask_tell": ("AskTell",),
        "overnight.flows.api.minimize": ("maximize", "minimize"),
        "overnight.flows.api.open_campaign": ("OpenCampaign", "open_campaign"),
        "overnight.flows.api.run": ("CampaignResult", "run_campaign"),
        "overnight.flows.definition.campaign_file": ("CampaignFile", "load_campaign_file"),
        "overnight.flows.optuna_studies.opening": ("optuna_storage", "optuna_view"),
    },
)
