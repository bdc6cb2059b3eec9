"""The subcommands that serve a web page until Ctrl-C."""

from typing import Annotated

import typer

from overnight.flows.commands.heavy import heavy

serve_commands = typer.Typer()


@serve_commands.command()
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


@serve_commands.command()
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
