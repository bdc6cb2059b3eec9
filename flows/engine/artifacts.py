"""The Prefect artifacts of a campaign: progress, trials, trace, and a link to its report."""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from overnight.campaign import History
from overnight.campaign.standing.in_context import in_context
from overnight.report.formats.markdown import markdown_report
from overnight.report.formats.markdown_text import plain, table
from overnight.report.pictures.front_picture import front_picture
from overnight.report.pictures.trace_picture import trace_picture
from overnight.report.status import status_lines
from overnight.report.story import Story, story_of
from overnight.report.trial_lines import trial_lines

# As many as a browser's page holds; `overnight trials` lists them all.
_MOST_TRIALS = 200


@dataclass(frozen=True)
class Picture:
    """One artifact as Prefect stores it: `data` is Markdown, or a percentage if the type is `progress`."""

    name: str
    type: str
    data: Any
    description: str | None = None


def artifacts_of(history: History, now: datetime, report: Path | None = None) -> list[Picture]:
    """Return the artifacts of a campaign; `report` is the file of its report, once that is written."""
    story = story_of(history, now)
    spent, status = story.spent, "\n\n".join(plain(line) for line in status_lines(story))
    shown = [
        Picture("progress", "progress", 100.0 * spent.share, status),
        Picture("trials", "markdown", _table(history)),
    ]
    shown += _pictures(history, story)
    for i, each in enumerate(story.contexts, 1):
        shown += _pictures(in_context(history, each.given), each.story, f"-{i}", each.called)
    if report is not None:
        # Browsers open no local file from a server's page, so the path is there to copy as well.
        link = f"[{plain(report.name)}]({report.as_uri()})\n\n`{report}`"
        shown.append(Picture("report", "markdown", f"{link}\n\n{markdown_report(history, story)}"))
    return shown


def _pictures(history: History, story: Story, ending: str = "", called: str = "") -> Iterator[Picture]:
    """Yield the pictures of a campaign, or of one of its contexts; the whole of several contexts has none."""
    if story.contexts:
        return
    front = None if story.front is None else front_picture(history, story.front)
    trace = trace_picture(history, {suspect.trial for suspect in story.suspects})
    of = f"{plain(story.campaign)}{f', {plain(called)}' if called else ''}"
    for name, title, picture in (("front", "The front", front), ("trace", "The course", trace)):
        if picture is not None:
            image = f"data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()}"
            yield Picture(f"{name}{ending}", "markdown", f"![{title} of {of}]({image})")


def key_of(campaign: str, name: str) -> str:
    """Return the key of an artifact: lower-case letters, digits and dashes, as Prefect requires."""
    return f"overnight-{re.sub('[^a-z0-9]+', '-', campaign.lower()).strip('-')}-{name}"


def _table(history: History) -> str:
    """Return the newest trials as a Markdown table, the last one first."""
    numbers = sorted(history.trials)[-_MOST_TRIALS:]
    found = trial_lines(history, [history.trials[number] for number in numbers])
    rows = [[str(line["trial"]), line["status"], *line["cells"]] for line in reversed(found["lines"])]
    lines = [*table(found["headings"], rows)]
    if len(numbers) < len(history.trials):
        lines += [f"The newest {len(numbers)} of {len(history.trials)}; `overnight trials` lists them all."]
    return "\n".join(lines).rstrip()
