"""The story of a history, and its lines in a terminal, for tests."""

from typing import Any

from overnight.campaign import History
from overnight.campaign.recommendation import Recommendation
from overnight.report import status
from overnight.report.story import Story, story_of


def story_about(history: History, **more: Any) -> Story:
    """Return how a campaign stands at its last event."""
    assert history.defined is not None
    return story_of(history, **{"now": history.last_time or history.defined.time} | more)


def status_lines(history: History, **more: Any) -> list[str]:
    """Return the lines of `overnight status`."""
    return status.status_lines(story_about(history, **more))


def finding_lines(history: History, found: Recommendation | None) -> list[str]:
    """Return the lines at the end of a run."""
    return status.finding_lines(history.definition, story_about(history, recommendation=found))
