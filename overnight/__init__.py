"""Overnight from Python: run a campaign, or bring your own loop with `AskTell`, or only ask `propose`.

Each name is imported when it is first used, so that a function that is evaluated can say `Infeasible` without loading
everything else for every attempt.
"""

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

# First: it has our packages found before other files of their names, such as a `campaign.py` beside a script.
import flows as _flows  # noqa: F401

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
_OF_EVALUATIONS = "evaluators.infeasible"
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
    "Infeasible": _OF_EVALUATIONS,
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
    found = globals()[name] = getattr(_home_of(name), name)
    return found


def _home_of(name: str) -> ModuleType:
    """Import the module that defines a name of ours, also if the user has a file of the same name as its package."""
    home = _HOMES[name]
    if home != _OF_EVALUATIONS:
        # It has our packages found first from now on.
        import_module("flows")
        return import_module(home)
    # A function that is evaluated needs this one name, and all other names there are the user's.
    if home not in sys.modules:
        spec = spec_from_file_location(home, Path(__file__).parents[1].joinpath(*home.split(".")).with_suffix(".py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[home] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[home])
    return sys.modules[home]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
