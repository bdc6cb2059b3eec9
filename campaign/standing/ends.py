"""Why a campaign is over, or why a controller ended before that: for programs and in words."""

from dataclasses import dataclass

from overnight.campaign.history.events import DrainedBecause, FinishedBecause


@dataclass(frozen=True)
class Over:
    """Why a campaign is over."""

    because: FinishedBecause
    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class Drained:
    """Why a controller ends before the campaign is over."""

    because: DrainedBecause
    reason: str
