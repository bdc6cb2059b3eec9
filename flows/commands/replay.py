"""`overnight replay` makes recorded proposals again, from the events that they saw."""

import asyncio
from collections import Counter
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape

from flows.campaign_file import load_campaign_file
from flows.replay import replay
from storage import open_ledger

_COLORS = {"same": "green", "other stack": "yellow", "different": "red"}


def replay_campaign(path: Path, trial: int | None) -> None:
    """Print a verdict on each proposal, or on one trial's; exit with 1 if one is different on the same stack."""
    file = load_campaign_file(path)
    segments = asyncio.run(open_ledger(file.ledger, file.campaign.name, Path()).read())
    events = [event for segment in segments for event in segment.events]
    console, counts = Console(highlight=False, soft_wrap=True), Counter[str]()
    for found in replay(events, path.parent, trial):
        counts[found.verdict] += 1
        why = f": {escape(found.why)}" if found.why else ""
        console.print(f"trial {found.trial} [{_COLORS[found.verdict]}]{found.verdict}[/]{why}")
    console.print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()) or "no proposal was computed")
    if counts["different"]:
        raise typer.Exit(1)
