"""The protocol of an evaluator: it tries a point and returns the outcome."""

from asyncio import CancelledError
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from overnight.campaign import Campaign, EvaluationRequest
from overnight.campaign.evaluation import EvaluationAnswer, EvaluationPlaced, EvaluationReport

Report = Callable[[EvaluationReport | EvaluationPlaced], None]
# The message of a cancellation because a person or a rule has ended the trial. An evaluation that goes on after its
# process has ended is then ended as well; after any other cancellation it goes on, for the next controller.
TRIAL_IS_OVER = "the trial is over"


def is_over(why: CancelledError) -> bool:
    """Return whether an evaluation was cancelled because its trial has ended."""
    return why.args[:1] == (TRIAL_IS_OVER,)


class Evaluator(Protocol):
    """A way to try a point.

    `folder` belongs to the attempt: a request's key leads to the same folder in every process. Files that must outlive
    a controller are kept there.
    """

    @property
    def time_limit(self) -> timedelta:
        """Return how long one attempt may take."""
        ...

    @property
    def grace(self) -> timedelta:
        """Return how long an attempt may take to end by itself once it has been asked to."""
        ...

    @property
    def patience(self) -> timedelta:
        """Return how long an attempt may take beyond its time limit, such as by waiting for a worker."""
        ...

    def secrets(self) -> dict[str, str]:
        """Return the values that must never be recorded or shown, each under the name to show instead."""
        ...

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition if no evaluation of this campaign could succeed; evaluate nothing."""
        ...

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer:
        """Try the point once and return the outcome; call `report` for each measurement on the way.

        A bad evaluation is an outcome, not an exception. A cancellation first stops everything that was started, and
        then propagates. An evaluation that continues after its process has ended is answered with its handle; with the
        handle in the request, the evaluator looks at it again or ends it.
        """
        ...

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationAnswer | None:
        """Return the outcome of an attempt whose controller has died; wait if it is still running.

        None: the attempt provably never ran, or died with its controller without a result. It is not running, and never
        will. An attempt that died with its machine is an infrastructure failure.
        """
        ...
