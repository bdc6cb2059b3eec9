"""The subcommands that only read a campaign."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from overnight.flows.commands.arguments import KeptPath, TrialNumber
from overnight.flows.commands.heavy import heavy

read_commands = typer.Typer()

AsOf = Annotated[str | None, typer.Option(help="Show what was known at a time, or after a number of events.")]


class StatusFormat(StrEnum):
    """How to print the state of a campaign."""

    TEXT = "text"
    JSON = "json"


class ReportFormat(StrEnum):
    """The format of a report."""

    HTML = "html"
    JSON = "json"
    MARKDOWN = "markdown"


class Format(StrEnum):
    """How to print a table."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


StatusForm = Annotated[StatusFormat, typer.Option("--format", help="How to print it.")]
TableForm = Annotated[Format, typer.Option("--format", help="How to print the table.")]


@read_commands.command()
def status(
    campaign: KeptPath = Path("campaign.yaml"),
    form: StatusForm = StatusFormat.TEXT,
    as_of: AsOf = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again whenever its ledger grows, until the campaign has finished.")
    ] = False,
) -> None:
    """Show how a campaign stands: its state, best result, spending, failures, and the next step."""
    if watch:
        if as_of is not None or form is not StatusFormat.TEXT:
            raise typer.BadParameter("expected --watch without --as-of and --format, got several of them.")
        heavy("read.watch").watch(campaign)
        return
    heavy("read.status").status(campaign, form.value, as_of)


@read_commands.command()
def trials(
    campaign: KeptPath = Path("campaign.yaml"),
    form: TableForm = Format.TABLE,
    as_of: AsOf = None,
    best: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="The number of trials to list: the best feasible ones, the best first. With several objectives, use "
            "--pareto.",
        ),
    ] = None,
    pareto: Annotated[
        bool,
        typer.Option(
            "--pareto",
            help="List the front as measured: the feasible trials that no other one beats, those that are better in "
            "the first objective first.",
        ),
    ] = False,
) -> None:
    """List every trial with its point, its outcome and its measurements."""
    if best is not None and pareto:
        raise typer.BadParameter(f"expected one of --best and --pareto, got --best {best} and --pareto.")
    heavy("read.trials").trials(campaign, form.value, as_of, best, front=pareto)


@read_commands.command()
def report(
    campaign: KeptPath = Path("campaign.yaml"),
    form: Annotated[
        ReportFormat | None,
        typer.Option(
            "--format",
            help="The format: a page, JSON for programs, or Markdown for a pull request. By default the ending of "
            "--output decides, and it is html without one.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="The file to write, or - for the standard output, where json and markdown go by default; html goes "
            "into a file next to the campaign's."
        ),
    ] = None,
    as_of: AsOf = None,
) -> None:
    """Write the report: one self-contained HTML file, or the same findings as JSON or Markdown."""
    heavy("read.report").report(campaign, None if form is None else form.value, output, as_of)


@read_commands.command()
def campaigns(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="A directory of ledgers, or s3://bucket/prefix.")
    ] = "./ledger",
) -> None:
    """List the campaigns that a directory or a bucket holds."""
    heavy("read.campaigns").campaigns(url)


@read_commands.command()
def compare(
    paths: Annotated[
        list[Path], typer.Argument(metavar="CAMPAIGN...", help="Two or more campaign files, or folders in a ledger.")
    ],
    form: StatusForm = StatusFormat.TEXT,
) -> None:
    """Show campaigns next to each other, and which recommendation is better."""
    if len(paths) < 2:
        raise typer.BadParameter("expected two campaigns or more, got one.")
    heavy("read.compare").compare(paths, form.value)


@read_commands.command()
def explain(
    trial: TrialNumber,
    campaign: KeptPath = Path("campaign.yaml"),
) -> None:
    """Show why a point was tried: the results and running trials at the time, the expectation, and the outcome."""
    heavy("read.explain").explain(trial, campaign)


@read_commands.command()
def query(
    sql: Annotated[
        str,
        typer.Argument(metavar="SQL", help="A query over views such as trials, attempts, metrics and events."),
    ],
    campaign: KeptPath = Path("campaign.yaml"),
    form: TableForm = Format.TABLE,
) -> None:
    """Ask a campaign's ledger in SQL."""
    heavy("read.query").print_answer(sql, campaign, form.value)


@read_commands.command()
def export(
    output: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write; its name ends in .parquet or .csv.")
    ],
    campaign: KeptPath = Path("campaign.yaml"),
) -> None:
    """Write a campaign's trials to one Parquet or CSV file."""
    heavy("read.query").export(campaign, output)


@read_commands.command()
def replay(
    campaign: KeptPath = Path("campaign.yaml"),
    trial: Annotated[int | None, typer.Option(help="Replay the proposal of this trial only.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Replay every proposal, the default.")] = False,
) -> None:
    """Compute the recorded proposals again and compare; exits with 1 if any differs."""
    if every and trial is not None:
        raise typer.BadParameter(f"expected one of --all and --trial, got --all and --trial {trial}.")
    heavy("read.replay").replay_campaign(campaign, trial)


@read_commands.command()
def verify(
    ledger: Annotated[
        str,
        typer.Argument(metavar="LEDGER", help="A campaign's YAML file, its folder in a ledger, or that folder's URL."),
    ] = "campaign.yaml",
    receipts: Annotated[
        Path | None,
        typer.Option(
            "--receipts",
            "--receipt",
            metavar="FILE",
            help="The file of receipts to compare with and to add one to; by default the campaign file names it.",
        ),
    ] = None,
    sign: Annotated[
        Path | None,
        typer.Option(
            metavar="KEY.pem",
            help="Sign the new receipt with this private key; OVERNIGHT_KEY_PASSWORD is its password, if it has one.",
        ),
    ] = None,
    signed_by: Annotated[
        Path | None,
        typer.Option(
            metavar="PUBLIC.pem", help="Require every receipt to be signed by this key; add one only with --sign."
        ),
    ] = None,
) -> None:
    """Prove that a ledger is whole; exits with 1 if it is damaged, with 2 if that cannot be determined."""
    heavy("read.verify").verify_ledger(ledger, receipts, sign, signed_by)


@read_commands.command()
def mirror(
    campaign: KeptPath = Path("campaign.yaml"),
    mlflow: Annotated[
        str | None,
        typer.Option(metavar="URL", help="The tracking server; by default the one of `mirror` in the campaign's file."),
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(help="The experiment to write to; by default it is named after the campaign.")
    ] = None,
) -> None:
    """Write a campaign's trials to an MLflow tracking server, or what is missing there; nothing is written twice."""
    heavy("read.mirror").mirror(campaign, mlflow, experiment)
