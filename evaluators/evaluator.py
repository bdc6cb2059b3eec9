"""The protocol of an evaluator: it tries a point and returns the outcome."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from overnight.campaign import Campaign, EvaluationOutcome, EvaluationRequest
from overnight.campaign.evaluation import EvaluationReport

Report = Callable[[EvaluationReport], None]


class Evaluator(Protocol):
    """Something that can try a point.

    `folder` is the attempt's own, the same for the same request's key in every process; whatever must outlive a
    controller is kept there.
    """

    @property
    def time_limit(self) -> timedelta:
        """Return how long one attempt may take."""
        ...

    @property
    def grace(self) -> timedelta:
        """Return how long what an attempt started may take to end by itself, once it is asked to."""
        ...

    @property
    def patience(self) -> timedelta:
        """Return how long an attempt may take beyond its time limit, such as by waiting for a worker."""
        ...

    def secrets(self) -> dict[str, str]:
        """Return the values that must not be written down or shown anywhere, each with the name to show instead."""
        ...

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition if no evaluation of this campaign could succeed; evaluate nothing."""
        ...

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Try the point once and say how it ended; `report` is called for each measurement on the way.

        A bad evaluation is an outcome, not an exception. When cancelled, everything that was started is
        stopped before the cancellation goes on.
        """
        ...

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Return how an attempt ended whose controller has died, waiting for it if it is still alive.

        None means proven: it never began, or its end with its controller says nothing of the point; it is not running,
        never will, and has left no result. One that its machine took with it has failed for the infrastructure.
        """
        ...
