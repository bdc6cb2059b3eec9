"""`overnight explain`: show why a point was tried."""

from pathlib import Path

from overnight.campaign import History
from overnight.flows.commands.read.kept import kept_at
from overnight.flows.host.terminal import terminal
from overnight.report.explained import explained
from overnight.report.trial_facts import ending


def explain(trial: int, path: Path) -> None:
    """Print the knowledge from which a trial was proposed, its predicted outcome and its result."""
    events = kept_at(path).events()
    for line in explained(events, trial, path):
        terminal().print(line, soft_wrap=True)
    message = ending(History.from_events(events).trials[trial]).why.strip()
    if "\n" in message:
        terminal().print(f"\nThe whole message:\n{message}", soft_wrap=True)
