"""The subcommands that steer a running campaign; each imports its heavy half when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from overnight.flows.commands.arguments import CampaignPath, TrialNumber
from overnight.flows.commands.heavy import heavy

people_commands = typer.Typer()

Why = Annotated[str, typer.Option(metavar="TEXT", help="The reason, for later readers.")]


@people_commands.command()
def pause(why: Why, campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """Start nothing new until the campaign is resumed; running evaluations continue."""
    heavy("people.requests").pause(campaign, why)


@people_commands.command()
def resume(campaign: CampaignPath = Path("campaign.yaml"), why: Why = "") -> None:
    """Let a paused campaign continue."""
    heavy("people.requests").resume(campaign, why)


@people_commands.command()
def drain(campaign: CampaignPath = Path("campaign.yaml"), why: Why = "") -> None:
    """Let running evaluations end, start nothing new, and end the controller, on any machine; like one Ctrl-C."""
    heavy("people.requests").ask_to_stop(campaign, why, at_once=False)


@people_commands.command()
def stop(campaign: CampaignPath = Path("campaign.yaml"), why: Why = "") -> None:
    """End running evaluations and the controller, on any machine; the trials are tried again later. Like two Ctrl-C."""
    heavy("people.requests").ask_to_stop(campaign, why, at_once=True)


@people_commands.command()
def suggest(
    point: Annotated[str, typer.Option(metavar="JSON", help="A value for each parameter: '{\"x\": 0.3}'.")],
    why: Why,
    campaign: CampaignPath = Path("campaign.yaml"),
    metrics: Annotated[
        str | None, typer.Option(metavar="JSON", help="Its result, if it has already been measured.")
    ] = None,
) -> None:
    """Add a point by hand: it is tried before the model's points, and the budget counts it."""
    heavy("people.trials_by_hand").suggest(campaign, point, metrics, why)


@people_commands.command()
def report_result(
    trial: TrialNumber,
    metrics: Annotated[str, typer.Option(metavar="JSON", help="The measurements: '{\"loss\": 0.1}'.")],
    campaign: CampaignPath = Path("campaign.yaml"),
    why: Why = "",
) -> None:
    """Record a result that was measured elsewhere, for a trial that no evaluator is running."""
    heavy("people.trials_by_hand").report_result(campaign, trial, metrics, why)


@people_commands.command()
def abandon(trial: TrialNumber, why: Why, campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """End a trial, and its evaluation, without a result; the model forgets it."""
    heavy("people.trials_by_hand").abandon(campaign, trial, why)


@people_commands.command()
def revise(campaign: CampaignPath = Path("campaign.yaml"), why: Why = "") -> None:
    """Apply the changes in the campaign file to a running campaign.

    These keys may change: `low`, `high` and `choices` of a parameter, `value` of a fixed one, `values` of a context,
    `description` and `was` of any parameter, `parameter_constraints`, `baseline`, `start_with`, `worst` of an
    objective, `fix`, `prefer`, `constraints`, `feasible_at_least`, `workers`, `budget`, `window`, `failures`,
    `approve`, `stop_early`, `stop_when`, `confirm`, `solutions`. Parameters may be added, with the value that they had
    before under `was`.
    """
    heavy("people.revise").revise(campaign, why)


@people_commands.command()
def approvals(campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """List the trials that wait for approval."""
    heavy("people.approvals").approvals(campaign)


@people_commands.command()
def approve(trial: TrialNumber, why: Why, campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """Let a trial that awaits approval start."""
    heavy("people.approvals").approve(campaign, trial, why)


@people_commands.command()
def reject(trial: TrialNumber, why: Why, campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """End a trial that awaits approval; its point is not proposed again."""
    heavy("people.approvals").reject(campaign, trial, why)
