"""`overnight status`: how a campaign stands, in a few lines or as JSON."""

from collections.abc import Iterator
from pathlib import Path

from overnight.campaign import History
from overnight.campaign.values.harmless import harmless_json
from overnight.flows.commands.read.kept import Kept
from overnight.flows.commands.read.past import read_past, seen_at, was_alive
from overnight.flows.host.terminal import terminal
from overnight.flows.session.lease import controller_notices
from overnight.flows.session.opening import refused_changes
from overnight.report.status import status_lines
from overnight.report.story import story_of


def status(path: Path, form: str, as_of: str | None) -> None:
    """Print the story of a campaign."""
    kept, history = read_past(path, as_of)
    story = story_of(
        history,
        seen_at(history, as_of),
        alive=was_alive(history, as_of),
        ledger=kept.location,
        notices=() if as_of is not None else tuple(_notices(kept, history)),
    )
    if form == "json":
        print(harmless_json(story.model_dump_json(indent=2)))  # noqa: T201
        return
    for line in [*status_lines(story), f"ledger: {story.ledger}"]:
        terminal().print(line, soft_wrap=True)


def _notices(kept: Kept, history: History) -> Iterator[str]:
    """Yield facts about the controller's process and the campaign's file."""
    yield from controller_notices(history)
    if kept.file is not None and (changed := refused_changes(history, kept.file.campaign)):
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        yield f"{kept.path} defines another campaign, which this ledger refuses: {changed[0]}{more}"
