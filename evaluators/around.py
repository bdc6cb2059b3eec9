"""The base of an evaluator that asks another one."""

from dataclasses import dataclass
from datetime import timedelta

from overnight.campaign import Campaign
from overnight.evaluators.evaluator import Evaluator


@dataclass(frozen=True)
class Around:
    """An evaluator around another one, whose limits, secrets and checks it has."""

    evaluator: Evaluator

    @property
    def time_limit(self) -> timedelta:
        """Return how long one attempt may take."""
        return self.evaluator.time_limit

    @property
    def grace(self) -> timedelta:
        """Return how long an attempt may take to end by itself once it has been asked to."""
        return self.evaluator.grace

    @property
    def patience(self) -> timedelta:
        """Return how long an attempt may take beyond its time limit."""
        return self.evaluator.patience

    def secrets(self) -> dict[str, str]:
        """Return the values that must never be recorded or shown, each under the name to show instead."""
        return self.evaluator.secrets()

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition if no evaluation of this campaign could succeed; evaluate nothing."""
        await self.evaluator.check(campaign)
