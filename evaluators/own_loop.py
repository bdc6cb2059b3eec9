"""No evaluator: a loop of the user's own asks for trials and reports their results."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from overnight.campaign import Campaign, EvaluationFailed, EvaluationOutcome, EvaluationRequest
from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators.evaluator import Report
from overnight.evaluators.kind import EvaluatorKind

_MISSING = (
    "`evaluator`: expected an evaluator, got nothing. A controller (`overnight run`, `deploy`) needs the function or "
    "the command that tries a point; only a loop of your own (`AskTell`) evaluates without one."
)


class OwnLoop(EvaluatorKind):
    """A loop of the user's own evaluates all trials; a controller cannot run such a campaign.

    A file without an evaluator has this kind.
    """

    kind: Literal["own_loop"] = "own_loop"

    @property
    def time_limit(self) -> timedelta:
        """Return zero: nobody but the user's loop ends an evaluation."""
        return timedelta()

    @property
    def grace(self) -> timedelta:
        """Return zero: there are no processes to end."""
        return timedelta()

    async def check(self, campaign: Campaign) -> None:
        """Raise InvalidDefinition: nothing evaluates this campaign."""
        del campaign
        raise InvalidDefinition([_MISSING])

    async def evaluate(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome:
        """Return a failure: `check` has refused the campaign before."""
        del request, folder, report
        return EvaluationFailed(cause="configuration", message=_MISSING)

    async def recover(self, request: EvaluationRequest, folder: Path, report: Report) -> EvaluationOutcome | None:
        """Return None: no controller has evaluated anything."""
        del request, folder, report
        return None
