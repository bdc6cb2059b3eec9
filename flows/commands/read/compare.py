"""`overnight compare`: several campaigns next to each other, as a table or as JSON."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from overnight.campaign import Campaign
from overnight.campaign.values.harmless import harmless, harmless_json
from overnight.flows.commands.read.layout import Sheet
from overnight.flows.commands.read.past import read_past
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.terminal import terminal
from overnight.flows.rules.recommending import recommendation_of
from overnight.flows.session.lease import controller_lives
from overnight.report.phrases.comparison import rows_of
from overnight.report.story import Story, story_of
from overnight.report.story.comparison import compared

_IF_ALIKE = "This assumes that the campaigns measure the same thing in the same way."


def compare(paths: Sequence[Path], form: str) -> None:
    """Print the facts of campaigns, and how their recommendations compare."""
    read = [_read(path) for path in paths]
    names = [story.campaign for _, story in read]
    called = names if len({*names}) == len(names) else [str(path) for path in paths]
    comparison = compared(called, [story for _, story in read])
    if form == "json":
        print(harmless_json(comparison.model_dump_json(indent=2)))  # noqa: T201
        return
    console = terminal()
    cells = [
        [Text(harmless(cell)) for cell in row]
        for row in rows_of(comparison.stories, [campaign for campaign, _ in read])
    ]
    sheet = Sheet(["fact", *called], cells, folded=range(1, len(called) + 1))
    if sheet.fits(console.width):
        console.print(sheet.grid(console.width))
    else:
        for line in sheet.blocks(console):
            console.print(line, soft_wrap=True)
    for pair in comparison.pairs:
        console.print(str(pair), soft_wrap=True)
    apart = comparison.apart
    console.print(_IF_ALIKE if apart is None else f"not compared: {apart}", style="dim", soft_wrap=True)


def _read(path: Path) -> tuple[Campaign, Story]:
    kept, history = read_past(path)
    recommendation = recommendation_of(history, kept.proposer(history))
    alive = controller_lives(history)
    story = story_of(history, SystemClock().now(), alive=alive, recommendation=recommendation, ledger=kept.location)
    return history.definition, story
