"""The gain that one more trial is expected to bring, compared with the limit in `stop_when`."""

from overnight.campaign import History
from overnight.campaign.standing.enough import gain_left, why_enough
from overnight.report.story.section import Known, Section


class Gain(Section):
    """The latest expected gain, in the unit of the metric, and how many gains `in_a_row` were below the limit.

    `enough` is reached after `limit_in_a_row` of them: the campaign then ends, or a person is advised to stop it.
    """

    expected: Known
    in_a_row: int
    limit: float
    limit_in_a_row: int
    advice_only: bool
    enough: bool


def gain_of(history: History) -> Gain | None:
    """Return the expected gain; None if the campaign has no `stop_when`, or no proposal has recorded a gain."""
    wanted, left = history.definition.stop_when, gain_left(history)
    if wanted is None or left is None:
        return None
    return Gain(
        expected=left.latest,
        in_a_row=left.in_a_row,
        limit=wanted.expected_gain_below,
        limit_in_a_row=wanted.in_a_row,
        advice_only=wanted.advice_only,
        enough=why_enough(history) is not None,
    )
