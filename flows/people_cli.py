"""The subcommands by which people speak to a campaign while it runs; heavy halves are imported when they are called."""

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer

people = typer.Typer()

CampaignPath = Annotated[Path, typer.Argument(metavar="CAMPAIGN", help="The campaign's YAML file.")]
Why = Annotated[str, typer.Option(metavar="TEXT", help="The reason, for whoever reads it later.")]


@people.command()
def pause(why: Why, campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """Start nothing new until it is resumed; what runs goes on."""
    _heavy("requests").pause(campaign, why)


@people.command()
def resume(campaign: CampaignPath = Path("campaign.yaml"), why: Why = "") -> None:
    """Let a paused campaign go on."""
    _heavy("requests").resume(campaign, why)


@people.command()
def drain(campaign: CampaignPath = Path("campaign.yaml"), why: Why = "") -> None:
    """Let what runs end, start nothing new, and end the controller, wherever it is; as one Ctrl-C."""
    _heavy("requests").ask_to_stop(campaign, why, at_once=False)


@people.command()
def stop(campaign: CampaignPath = Path("campaign.yaml"), why: Why = "") -> None:
    """End what runs, to be tried again later, and the controller, wherever it is; as two Ctrl-C."""
    _heavy("requests").ask_to_stop(campaign, why, at_once=True)


def _heavy(module: str) -> Any:
    return importlib.import_module(f"flows.commands.{module}")
