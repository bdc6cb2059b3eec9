"""The trials that are left to confirm the recommendation."""

from overnight.campaign import History
from overnight.campaign.standing.confirming import confirming
from overnight.report.story.section import Section


class Confirmation(Section):
    """How many confirming trials are left to propose, and whether the search is over and they have `begun`."""

    left: int
    begun: bool


def confirmation_of(history: History) -> Confirmation | None:
    """Return the confirming trials that are left; None if there are none."""
    found = confirming(history.definition, history)
    return Confirmation(left=found.left, begun=found.begun) if found.left else None
