"""The subcommands that create and run campaigns."""

from pathlib import Path
from typing import Annotated

import typer

from overnight.flows.commands.arguments import CampaignPath
from overnight.flows.commands.heavy import heavy
from overnight.flows.commands.start.exit_codes import ExitCode
from overnight.flows.host.terminal import terminal

start_commands = typer.Typer()

AcceptLoss = Annotated[
    str | None,
    typer.Option(
        metavar="WHY",
        help="Continue with a ledger that lacks the segment of its newest receipt; the reason is recorded.",
    ),
]


@start_commands.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to write to.")] = Path(),
) -> None:
    """Write a commented campaign.yaml, its JSON Schema for editors, and an objective.py to tune."""
    heavy("start.init").init(folder)


@start_commands.command()
def schema() -> None:
    """Print the JSON Schema of campaign files, for editors."""
    heavy("start.schema").schema()


@start_commands.command()
def check(campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """Validate a campaign and show what a run would do; nothing is evaluated."""
    heavy("start.check").check(campaign)


@start_commands.command()
def run(
    campaign: CampaignPath = Path("campaign.yaml"),
    now: Annotated[bool, typer.Option("--now", help="Ignore the campaign's window.")] = False,
    fix: Annotated[
        list[str] | None,
        typer.Option(help="Keep a parameter at a value in this run, as in --fix batch=64; may be repeated."),
    ] = None,
    context: Annotated[
        list[str] | None,
        typer.Option(help="Try new trials for one context in this run, as in --context workload=oltp."),
    ] = None,
    accept_loss: AcceptLoss = None,
) -> None:
    """Run a campaign, or resume it where it stopped; Ctrl-C drains, a second one stops at once.

    Exits with 0 if the campaign finished with results, was drained, or its window has closed; with 1 if it could not
    continue, for example after too many failures in a row; with 2 if its definition is wrong; and with 3 if it finished
    and no trial gave a result.
    """
    try:
        code = heavy("start.run").run(
            campaign, fix=fix or (), context=context or (), ignore_window=now, accept_loss=accept_loss
        )
    except KeyboardInterrupt:
        # While the campaign is at work, Ctrl-C is a request to stop and raises nothing.
        terminal(stderr=True).print(
            "Interrupted before the campaign was at work, or after it. What the ledger holds is kept; the same command "
            "runs or continues the campaign.",
            style="yellow",
            soft_wrap=True,
        )
        code = ExitCode.INTERRUPTED
    raise typer.Exit(code)


@start_commands.command()
def deploy(
    campaign: CampaignPath = Path("campaign.yaml"),
    pool: Annotated[
        str, typer.Option(help="The work pool whose workers run it; created if it does not exist.")
    ] = "overnight",
    accept_loss: AcceptLoss = None,
) -> None:
    """Let a Prefect server start a campaign whenever its window opens."""
    heavy("start.deploy").deploy(campaign, pool, accept_loss)


@start_commands.command(name="import")
def import_results(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A CSV or Parquet file, sqlite:///study.db or the journal of an Optuna study."
        ),
    ],
    campaign: CampaignPath = Path("campaign.yaml"),
    study: Annotated[str | None, typer.Option(help="The study to read, if the source has several.")] = None,
    skip_misfits: Annotated[
        bool, typer.Option("--skip-misfits", help="Leave out rows that do not fit the campaign.")
    ] = False,
) -> None:
    """Import past results into a new campaign, as observations outside its budget."""
    heavy("start.import_results").import_results(source, campaign, study, skip_misfits=skip_misfits)
