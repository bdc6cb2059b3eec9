"""The `overnight` command; each subcommand imports its own heavy half only when it is called."""

import importlib
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from campaign.errors import CampaignHeld, InvalidDefinition, OvernightError

app = typer.Typer(
    help="Tuning campaigns that run unattended and can be trusted in the morning.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_errors = Console(stderr=True, soft_wrap=True, highlight=False)

CampaignPath = Annotated[Path, typer.Argument(metavar="CAMPAIGN", help="The campaign's YAML file.")]


class Format(StrEnum):
    """How to print trials."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Where to write them.")] = Path(),
) -> None:
    """Write a commented campaign.yaml and an objective.py that it tunes."""
    _heavy("flows.commands.init").init(folder)


@app.command()
def check(campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """Validate a campaign and say what it would do; nothing is evaluated."""
    _heavy("flows.commands.check").check(campaign)


@app.command()
def run(campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """Run a campaign, or resume it where it stopped; Ctrl-C drains, twice stops at once."""
    _heavy("flows.commands.run").run(campaign)


@app.command()
def status(campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """Say how a campaign stands."""
    _heavy("flows.commands.status").status(campaign)


@app.command()
def trials(
    campaign: CampaignPath = Path("campaign.yaml"),
    format: Annotated[Format, typer.Option(help="How to print them.")] = Format.TABLE,  # noqa: A002
) -> None:
    """List every trial: its point, how it ended, and what was measured."""
    _heavy("flows.commands.trials").trials(campaign, format.value)


@app.command()
def report(
    campaign: CampaignPath = Path("campaign.yaml"),
    output: Annotated[Path | None, typer.Option(help="The HTML file to write.")] = None,
) -> None:
    """Write one self-contained HTML file that says what was found."""
    _heavy("flows.commands.report").report(campaign, output)


def main() -> None:
    """Run the command line; errors of ours are one paragraph and exit with 1, 2 for a wrong definition."""
    try:
        app()
    except InvalidDefinition as problem:
        for line in problem.problems:
            _errors.print(escape(line), style="red")
        sys.exit(2)
    except OvernightError as problem:
        _errors.print(escape(str(problem)), style="yellow" if isinstance(problem, CampaignHeld) else "red")
        sys.exit(1)


def _heavy(module: str) -> Any:
    return importlib.import_module(module)
