"""The messages between a controller and the worker that evaluates an attempt elsewhere."""

from pydantic import BaseModel, ConfigDict, ValidationError

from overnight.campaign import EvaluationRequest
from overnight.evaluators import AnyEvaluator

# The names of what lies in an attempt's mailbox.
SENT, CLAIM, BEAT, STOP, OUTCOME, REPORTS = "sent", "claim", "beat", "stop", "outcome", "reports-"


class Pulse(BaseModel):
    """How often an evaluation gives a sign of life, and after how long without one it is given up, in seconds.

    An evaluation that cannot give a sign for half of `silence` ends itself, so that it is over before others think so.
    """

    model_config = ConfigDict(frozen=True)

    beat: float = 5.0
    silence: float = 60.0


class Order(BaseModel):
    """One attempt with everything that a worker needs: what to evaluate, where, and where to leave word of it.

    Its paths are the controller's: a worker must find the evaluator's folder and the ledger at the same ones.
    """

    model_config = ConfigDict(frozen=True)

    ledger: str
    work: str
    evaluator: AnyEvaluator
    request: EvaluationRequest
    pulse: Pulse = Pulse()


class Claim(BaseModel):
    """Who has taken an attempt, one for ever: a worker's process, or nobody (`host` is None) for a reason.

    `started` names the process as `flows/host/identity.py` does, `worker` is the cluster's name for it. `mark` is
    unique, and part of the outcome's name unless the worker is from before that was so.
    """

    model_config = ConfigDict(frozen=True)

    mark: str
    host: str | None = None
    pid: int = 0
    started: str = ""
    worker: str = ""
    reason: str = ""
    marks_outcome: bool = False


def outcome_name(claim: Claim) -> str:
    """Return under which name the outcome lies of whoever has made this claim; nobody else knows it before."""
    return f"{OUTCOME}-{claim.mark}"


def read_claim(text: str) -> Claim:
    """Return a claim; one that cannot be read, and so has no `mark`, is somebody's who may be at work all the same."""
    try:
        return Claim.model_validate_json(text)
    except ValidationError:
        return Claim(mark="", host="unknown (its claim cannot be read)")
