"""The `overnight` command; each subcommand imports its dependencies when it is called."""

import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from overnight.campaign.errors import CampaignHeld, InvalidDefinition, OvernightError
from overnight.flows.commands.heavy import heavy
from overnight.flows.commands.people.cli import TrialNumber, people
from overnight.flows.commands.start.exit_codes import ExitCode
from overnight.flows.host.own_packages import put_working_folder_last
from overnight.flows.host.terminal import escape_unencodable_characters, terminal

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_errors = terminal(stderr=True)

CampaignPath = Annotated[Path, typer.Argument(metavar="CAMPAIGN", help="The campaign's YAML file.")]
KeptPath = Annotated[
    Path, typer.Argument(metavar="CAMPAIGN", help="The campaign's YAML file, or its folder in a ledger.")
]


AsOf = Annotated[str | None, typer.Option(help="Show what was known at a time, or after a number of events.")]


AcceptLoss = Annotated[
    str | None,
    typer.Option(
        metavar="WHY",
        help="Continue with a ledger that lacks the segment of its newest receipt; the reason is recorded.",
    ),
]


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
    """How to print trials."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"overnight {version('overnight')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Tuning campaigns that run unattended and can be trusted in the morning."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to write to.")] = Path(),
) -> None:
    """Write a commented campaign.yaml, its JSON Schema for editors, and an objective.py to tune."""
    heavy("start.init").init(folder)


@app.command()
def schema() -> None:
    """Print the JSON Schema of campaign files, for editors."""
    heavy("start.schema").schema()


@app.command()
def check(campaign: CampaignPath = Path("campaign.yaml")) -> None:
    """Validate a campaign and show what a run would do; nothing is evaluated."""
    heavy("start.check").check(campaign)


@app.command()
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
        _errors.print(
            "Interrupted before the campaign was at work, or after it. What the ledger holds is kept; the same command "
            "runs or continues the campaign.",
            style="yellow",
            soft_wrap=True,
        )
        code = ExitCode.INTERRUPTED
    raise typer.Exit(code)


@app.command()
def deploy(
    campaign: CampaignPath = Path("campaign.yaml"),
    pool: Annotated[
        str, typer.Option(help="The work pool whose workers run it; created if it does not exist.")
    ] = "overnight",
    accept_loss: AcceptLoss = None,
) -> None:
    """Let a Prefect server start a campaign whenever its window opens."""
    heavy("start.deploy").deploy(campaign, pool, accept_loss)


@app.command()
def status(
    campaign: KeptPath = Path("campaign.yaml"),
    format: Annotated[StatusFormat, typer.Option(help="How to print it.")] = StatusFormat.TEXT,  # noqa: A002
    as_of: AsOf = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Show it again whenever its ledger grows, until the campaign has finished.")
    ] = False,
) -> None:
    """Show how a campaign stands: its state, best result, spending, failures, and the next step."""
    if watch:
        if as_of is not None or format is not StatusFormat.TEXT:
            raise typer.BadParameter("expected --watch without --as-of and --format, got several of them.")
        heavy("read.watch").watch(campaign)
        return
    heavy("read.status").status(campaign, format.value, as_of)


@app.command()
def trials(
    campaign: KeptPath = Path("campaign.yaml"),
    format: Annotated[Format, typer.Option(help="How to print the trials.")] = Format.TABLE,  # noqa: A002
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
    heavy("read.trials").trials(campaign, format.value, as_of, best, front=pareto)


@app.command()
def report(
    campaign: KeptPath = Path("campaign.yaml"),
    format: Annotated[  # noqa: A002
        ReportFormat | None,
        typer.Option(
            help="The format: a page, JSON for programs, or Markdown for a pull request. By default the ending of "
            "--output decides, and it is html without one."
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
    heavy("read.report").report(campaign, None if format is None else format.value, output, as_of)


@app.command()
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


@app.command()
def dashboard(
    ledger: Annotated[
        str,
        typer.Argument(
            metavar="LEDGER",
            help="A directory of ledgers or s3://bucket/prefix, a campaign's folder in it, or a campaign's YAML file.",
        ),
    ] = "./ledger",
    host: Annotated[
        str, typer.Option(help="The address to listen at; any but a loopback one needs the token even to look.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen at; 0 takes a free one.")] = 8787,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Another host name by which browsers reach the dashboard, as behind a proxy; repeatable.",
        ),
    ] = None,
) -> None:
    """Follow campaigns on a web page, and steer them there, until Ctrl-C."""
    heavy("serve.dashboard").dashboard(ledger, host, port, allow_host or ())


@app.command()
def optuna_dashboard(
    ledger: Annotated[
        str,
        typer.Argument(
            metavar="LEDGER",
            help="A directory of ledgers or s3://bucket/prefix, a campaign's folder in it, a campaign's YAML file, or "
            "a folder with studies of Optuna's own.",
        ),
    ] = "./ledger",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port to listen at; 0 takes a free one.")] = 8080,
) -> None:
    """Show campaigns in Optuna's dashboard on this machine, until Ctrl-C; needs the extra `optuna`."""
    heavy("serve.optuna_dashboard").optuna_dashboard(ledger, port)


@app.command()
def query(
    sql: Annotated[
        str,
        typer.Argument(metavar="SQL", help="A query over views such as trials, attempts, metrics and events."),
    ],
    campaign: KeptPath = Path("campaign.yaml"),
    format: Annotated[Format, typer.Option(help="How to print the answer.")] = Format.TABLE,  # noqa: A002
) -> None:
    """Ask a campaign's ledger in SQL."""
    heavy("read.query").print_answer(sql, campaign, format.value)


@app.command()
def export(
    output: Annotated[
        Path, typer.Argument(metavar="FILE", help="The file to write; its name ends in .parquet or .csv.")
    ],
    campaign: KeptPath = Path("campaign.yaml"),
) -> None:
    """Write a campaign's trials to one Parquet or CSV file."""
    heavy("read.query").export(campaign, output)


@app.command(name="import")
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


@app.command()
def campaigns(
    url: Annotated[
        str, typer.Argument(metavar="URL", help="A directory of ledgers, or s3://bucket/prefix.")
    ] = "./ledger",
) -> None:
    """List the campaigns that a directory or a bucket holds."""
    heavy("read.campaigns").campaigns(url)


@app.command()
def compare(
    paths: Annotated[
        list[Path], typer.Argument(metavar="CAMPAIGN...", help="Two or more campaign files, or folders in a ledger.")
    ],
    format: Annotated[StatusFormat, typer.Option(help="How to print it.")] = StatusFormat.TEXT,  # noqa: A002
) -> None:
    """Show campaigns next to each other, and which recommendation is better."""
    if len(paths) < 2:
        raise typer.BadParameter("expected two campaigns or more, got one.")
    heavy("read.compare").compare(paths, format.value)


@app.command()
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


@app.command()
def explain(
    trial: TrialNumber,
    campaign: KeptPath = Path("campaign.yaml"),
) -> None:
    """Show why a point was tried: the results and running trials at the time, the expectation, and the outcome."""
    heavy("read.explain").explain(trial, campaign)


@app.command()
def replay(
    campaign: KeptPath = Path("campaign.yaml"),
    trial: Annotated[int | None, typer.Option(help="Replay the proposal of this trial only.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Replay every proposal, the default.")] = False,
) -> None:
    """Compute the recorded proposals again and compare; exits with 1 if any differs."""
    if every and trial is not None:
        raise typer.BadParameter(f"expected one of --all and --trial, got --all and --trial {trial}.")
    heavy("read.replay").replay_campaign(campaign, trial)


app.add_typer(people)


def main() -> None:
    """Run the command line; an OvernightError prints one paragraph and exits with 1, a wrong definition with 2."""
    put_working_folder_last()
    escape_unencodable_characters()
    try:
        app()
    except InvalidDefinition as problem:
        for text in (*problem.problems, *([problem.hint] if problem.hint else [])):
            _errors.print(text, style="red", soft_wrap=True)
        sys.exit(ExitCode.WRONG_DEFINITION)
    except OvernightError as problem:
        _errors.print(str(problem), style="yellow" if isinstance(problem, CampaignHeld) else "red", soft_wrap=True)
        sys.exit(ExitCode.STOPPED)
