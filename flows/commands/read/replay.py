"""`overnight replay`: compute recorded proposals and recommendations again from the events that they saw."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer
from rich.text import Text

from overnight.bo_core import CustomProposer
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import Event
from overnight.flows.commands.read.kept import kept_at
from overnight.flows.host.terminal import terminal
from overnight.flows.replay.again import replay
from overnight.flows.replay.recommended import replay_recommendations
from overnight.flows.replay.verdict import Found

_COLORS = {"same": "green", "other stack": "yellow", "undecided": "yellow", "different": "red"}


def replay_campaign(path: Path, trial: int | None) -> None:
    """Print a verdict on each proposal and recommendation, or on one trial's; exit with 1 if one is different."""
    kept = kept_at(path)
    events, proposer = kept.events(), kept.file and kept.file.proposer
    console, counts = terminal(), Counter[str]()
    folder = (proposer.folder if isinstance(proposer, CustomProposer) else None) or kept.folder
    for about, found in _verdicts(events, folder, trial):
        counts[found.verdict] += 1
        why = f": {found.why}" if found.why else ""
        verdict = (found.verdict, _COLORS[found.verdict])
        console.print(Text.assemble(f"{about} ", verdict, why), soft_wrap=True)
    if not counts:
        asked = "a proposal that was computed" if trial is None else f"a computed proposal of trial {trial}"
        raise LedgerError(f"{path}: expected {asked} in the ledger, found none.")
    console.print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()), soft_wrap=True)
    if counts["different"]:
        raise typer.Exit(1)


def _verdicts(events: Sequence[Event], folder: Path, trial: int | None) -> Iterator[tuple[str, Found]]:
    for proposal in replay(events, folder, trial):
        yield f"trial {proposal.trial}", Found(proposal.verdict, proposal.why)
    for made in replay_recommendations(events, folder) if trial is None else ():
        yield f"recommendation after {made.events_seen} events", made.found
