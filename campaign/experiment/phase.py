"""What an A/B test does next: search in another batch, or confirm in a stage of the ramp-up."""

from dataclasses import dataclass

from overnight.campaign.definition import Campaign
from overnight.campaign.history.history import History


@dataclass(frozen=True)
class NextBatch:
    """How many arms the next batch has; if none, `why` the test is over."""

    size: int = 0
    why: str = ""


def next_batch(campaign: Campaign, history: History) -> NextBatch:
    """Return the next batch of an A/B test, of which no arm is outstanding."""
    del campaign, history
    return NextBatch()
