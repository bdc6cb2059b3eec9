"""The audience of a run besides Prefect: the mirror in a tracker while it runs, and its report by mail at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from overnight.campaign import History
from overnight.campaign.errors import OvernightError
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.host.clock import Clock
from overnight.flows.mirrors.following import Following, mirror_of
from overnight.flows.sending.sender import send_report
from overnight.flows.session.lease import is_own
from overnight.report.formats.summary import html_summary
from overnight.report.story import story_of

# Long enough for a server that is slow, and short enough for a person who waits for the end of a run.
_LAST_WORDS = 20.0
_SENDING = 30.0


@asynccontextmanager
async def audience(
    file: CampaignFile, clock: Clock, report: Callable[[History], Path], notify: Callable[[str], None]
) -> AsyncIterator[Callable[[History], None]]:
    """Yield a function to call with every history; at the end the report is written, mirrored and sent.

    No failure here stops a campaign: each is reported once.
    """
    if file.mirror is None and not file.send_report_to:
        yield lambda history: None
        return
    newest: list[History] = []
    following = None
    if file.mirror is not None:
        try:
            following = Following(mirror_of(file.mirror, file.campaign.name), clock, notify)
        except OvernightError as problem:
            notify(f"The campaign is not mirrored: {problem}")
        else:
            following.start()

    def watch(history: History) -> None:
        newest[:] = [history]
        if following is not None:
            following.watch(history)

    try:
        yield watch
    finally:
        history = newest[0] if newest and is_own(newest[0].lease) else None
        page = None if history is None else await _written(report, history, notify)
        parts = []
        if following is not None:
            parts.append(asyncio.to_thread(following.close, page, _LAST_WORDS))
        if history is not None and file.send_report_to:
            parts.append(asyncio.to_thread(_send, file, history, clock, page, notify))
        await asyncio.gather(*parts)


async def _written(report: Callable[[History], Path], history: History, notify: Callable[[str], None]) -> Path | None:
    try:
        return await asyncio.to_thread(report, history)
    except Exception as problem:
        text = f"{type(problem).__name__}: {problem}"
        notify(f"The report was not written ({text}). The mirror lacks it, and the message is sent without it.")
        return None


def _send(file: CampaignFile, history: History, clock: Clock, page: Path | None, notify: Callable[[str], None]) -> None:
    try:
        # The run is over, even if an error ended it before it could record that.
        story = story_of(history, clock.now(), alive=False)
        # Some services show a title as HTML, and a mail on one line: a name and a state are harmless.
        title = f"{story.campaign}: {story.standing.state}"
        send_report(file.send_report_to, title, html_summary(history, story), page, notify, _SENDING)
    except Exception as problem:
        notify(f"The report was not sent ({type(problem).__name__}: {problem}).")
