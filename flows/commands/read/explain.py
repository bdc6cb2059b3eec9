"""`overnight explain`: show why a point was tried."""

from pathlib import Path

from overnight.flows.commands.read.kept import kept_at
from overnight.flows.host.terminal import terminal
from overnight.report.explained import explained


def explain(trial: int, path: Path) -> None:
    """Print the knowledge from which a trial was proposed, its predicted outcome and its result."""
    for line in explained(kept_at(path).events(), trial, path):
        terminal().print(line, soft_wrap=True)
