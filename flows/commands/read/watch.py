"""`overnight status --watch`: how a campaign stands, shown again whenever its ledger grows."""

import asyncio
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.flows.commands.live import LiveDisplay
from overnight.flows.commands.read.kept import Kept, kept_at
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.terminal import terminal
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import controller_lives
from overnight.flows.session.still_there import refuse_lost
from overnight.report.status import status_lines
from overnight.report.story import story_of
from overnight.report.story.standing import standing_of

_EVERY = 1.0
_ONLY_THIS = "Ctrl-C ends only this display"


def watch(path: Path, every: float = _EVERY) -> None:
    """Show a campaign until it has finished, then print its story; Ctrl-C ends the display earlier.

    The ledger is read every so many seconds. In a terminal the picture is redrawn, elsewhere each trial that ends gets
    a line.
    """
    kept = kept_at(path)
    with suppress(KeyboardInterrupt):
        asyncio.run(_follow(kept, terminal(), every))


async def _follow(kept: Kept, console: Console, every: float) -> None:
    ledger = kept.ledger
    journal = Journal(ledger)
    await journal.refresh()
    if journal.history.defined is None:
        raise kept.nothing()
    with LiveDisplay(journal.history.definition, console) as display:
        shown, known = History(), ""
        while True:
            if journal.history is not shown:
                shown = journal.history
                display.watch(shown)
            standing = standing_of(shown, SystemClock().now(), alive=controller_lives(shown))
            if standing.is_over:
                break
            next_step = "" if standing.next_step is None else f"; {standing.next_step}"
            display.note = f"{standing}{next_step}. {_ONLY_THIS}"
            await asyncio.sleep(every)
            try:
                await journal.refresh()
                refuse_lost(ledger, journal, kept.location)
                known = ""
            except LedgerError as problem:
                # A bucket that cannot be reached now may answer later.
                if str(problem) != known:
                    known = str(problem)
                    display.notify(known)
    story = story_of(shown, SystemClock().now(), alive=controller_lives(shown))
    for line in [*status_lines(story), f"ledger: {kept.location}"]:
        console.print(line, soft_wrap=True)
