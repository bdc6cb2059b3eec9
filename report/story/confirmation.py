"""The trials that are left to confirm the recommendation."""

from overnight.campaign import History
from overnight.campaign.standing.confirming import confirming, confirming_trials
from overnight.report.story.section import Section


class Confirmation(Section):
    """How many confirming trials are left to propose, and whether the search is over and they have `begun`.

    `made` is how many there were since the last revision. `asked` is the number that the campaign asks for, absent if
    it asks for none in particular.
    """

    left: int
    begun: bool
    made: int
    asked: int | None


def confirmation_of(history: History) -> Confirmation | None:
    """Return the confirming trials that are left, or that a finished campaign lacks; None if there are none."""
    confirm, made = history.definition.confirm, confirming_trials(history)
    asked = confirm if isinstance(confirm, int) else None
    if history.finished is not None:
        lacks = asked is not None and made < asked
        return Confirmation(left=0, begun=True, made=made, asked=asked) if lacks else None
    found = confirming(history.definition, history)
    return Confirmation(left=found.left, begun=found.begun, made=made, asked=asked) if found.left else None
