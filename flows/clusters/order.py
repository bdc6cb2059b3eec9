"""The messages between a controller and the worker that evaluates an attempt elsewhere."""

from pydantic import BaseModel, ConfigDict, ValidationError

from overnight.campaign import EvaluationRequest
from overnight.evaluators import AnyEvaluator

# The names of the entries in an attempt's mailbox.
SENT, CLAIM, BEAT, STOP, OUTCOME, REPORTS = "sent", "claim", "beat", "stop", "outcome", "reports-"
_LEFT, _NEXT = "left", "next"


class Pulse(BaseModel):
    """The seconds between an evaluation's signs of life, and the seconds of silence after which it is given up.

    An evaluation that cannot give a sign for half of `silence` ends itself, so that it is over before it is given up.
    """

    model_config = ConfigDict(frozen=True)

    beat: float = 5.0
    silence: float = 60.0


class Order(BaseModel):
    """One attempt with everything that a worker needs: the evaluator, the request, the folders, and the ledger.

    Its paths are the controller's: a worker must find the evaluator's folder and the ledger at the same paths.
    """

    model_config = ConfigDict(frozen=True)

    ledger: str
    work: str
    evaluator: AnyEvaluator
    request: EvaluationRequest
    pulse: Pulse = Pulse()


class Claim(BaseModel):
    """A claim of an attempt: by a worker's process, or by its controller, which closes it for a `reason`.

    `started` names the process as `flows/host/identity.py` does, `worker` is the cluster's name for it. `mark` is
    unique, and part of the outcome's name unless the worker is of an older version (`marks_outcome` is false). A closed
    attempt has no `host`; `unseen` names the place where it may still run.

    If the cluster may run the worker again under the same name, as Slurm does with a pre-empted job, `run` counts how
    often it did; other workers count nothing.
    """

    model_config = ConfigDict(frozen=True)

    mark: str
    host: str | None = None
    pid: int = 0
    started: str = ""
    worker: str = ""
    reason: str = ""
    unseen: str | None = None
    marks_outcome: bool = False
    run: int | None = None


def outcome_name(claim: Claim) -> str:
    """Return the name under which the claim's process stores its outcome; no other process can guess it."""
    return f"{OUTCOME}-{claim.mark}"


def left_name(claim: Claim) -> str:
    """Return the name of the note that the claim's process was interrupted, and has ended all of its evaluation."""
    return f"{_LEFT}-{claim.mark}"


def next_name(claim: Claim) -> str:
    """Return the name of the note that another run of the claim's job waits until this one has certainly ended."""
    return f"{_NEXT}-{claim.mark}"


def read_claim(text: str) -> Claim:
    """Return a claim; one that cannot be read has no `mark`, but its worker may still be at work."""
    try:
        return Claim.model_validate_json(text)
    except ValidationError:
        return Claim(mark="", host="unknown (its claim cannot be read)")
