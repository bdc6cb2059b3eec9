"""The `overnight` command; each subcommand imports its dependencies when it is called."""

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from overnight.campaign.errors import CampaignHeld, InvalidDefinition, OvernightError
from overnight.flows.commands.people.cli import people_commands
from overnight.flows.commands.read.cli import read_commands
from overnight.flows.commands.serve.cli import serve_commands
from overnight.flows.commands.start.cli import start_commands
from overnight.flows.commands.start.exit_codes import ExitCode
from overnight.flows.host.own_packages import put_working_folder_last
from overnight.flows.host.terminal import escape_unencodable_characters, terminal

_GROUPS = {
    "Create and run": start_commands,
    "Read": read_commands,
    "Follow on a web page": serve_commands,
    "Steer": people_commands,
}

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _heading, _commands in _GROUPS.items():
    for _command in _commands.registered_commands:
        _command.rich_help_panel = _heading
    app.add_typer(_commands)
_errors = terminal(stderr=True)


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
    except OSError as problem:
        if not _is_about_an_argument(problem):
            raise
        text = f"{problem.filename}: expected a path that can be used, found that it cannot: {problem.strerror}."
        _errors.print(text, style="red", soft_wrap=True)
        sys.exit(ExitCode.STOPPED)


def _is_about_an_argument(problem: OSError) -> bool:
    """Return whether the system refuses a path that was named on the command line, or one below it."""
    if not isinstance(problem.filename, str):
        return False
    refused = Path(problem.filename)
    return any(Path(argument) in (refused, *refused.parents) for argument in sys.argv[1:])
