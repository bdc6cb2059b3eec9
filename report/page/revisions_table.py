"""The table of a campaign's revisions on the page of a report."""

from datetime import UTC

from overnight.report.numbers import moment
from overnight.report.phrases.revisions import changes_of
from overnight.report.story.revisions import Revisions


def revisions_table(revisions: Revisions) -> list[dict[str, str]]:
    """Return a line for each revision, the newest one first."""
    return [
        {
            "number": str(each.number),
            "at": moment(each.at, UTC),
            "by": "a run" if each.by_run else each.by,
            "why": each.why or "",
            "changes": changes_of(each),
        }
        for each in reversed(revisions.revisions)
    ]
