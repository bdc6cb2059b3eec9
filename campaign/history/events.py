"""The events of a campaign, which are the only truth about it.

An event's id is made of its kind and its subject, so the same event written twice is one event.
"""

from collections.abc import Mapping
from datetime import UTC
from operator import methodcaller
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

from overnight.campaign.definition import Campaign
from overnight.campaign.evaluation import Cause, Measurement
from overnight.campaign.history.provenance import Provenance, Stack
from overnight.campaign.history.trial import Generator, Resumed, Share
from overnight.campaign.recommendation import Recommendation
from overnight.campaign.space import Point
from overnight.campaign.values.read_only import GivesItsPoint, ReadOnly, ReadOnlyDict

DrainedBecause = Literal[
    "asked_to_stop", "cost_reserved", "outside_window", "revised", "trouble", "undecided", "window_closed"
]
FinishedBecause = Literal["cost", "evaluations", "gain", "no_candidate", "space", "trials", "wall_clock"]

Instant = Annotated[AwareDatetime, AfterValidator(methodcaller("astimezone", UTC))]


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    about: ClassVar[tuple[str, ...]] = ()

    time: Instant
    actor: str

    @property
    def id(self) -> str:
        """Return the identity of this event: its kind and its subject."""
        return "/".join(str(getattr(self, name)) for name in ("kind", *self.about))


def _as_it_was(definition: Any) -> Any:
    """Return a definition with the values of keys that did not exist when it was recorded."""
    return {"confirm": "never", **definition} if isinstance(definition, Mapping) else definition


Recorded = Annotated[Campaign, BeforeValidator(_as_it_was)]


class CampaignDefined(_Event):
    """A campaign begins; `uid` distinguishes it from every other campaign of the same name.

    `settings` holds the evaluator and the proposer as written in the file, so that proposals can be computed again.
    """

    kind: Literal["campaign_defined"] = "campaign_defined"
    uid: str
    definition: Recorded
    settings: ReadOnly[dict[str, Any]] = Field(default_factory=ReadOnlyDict)


class CampaignRevised(_Event):
    """A person changed the definition; the event holds all of the new one, and earlier proposals stay replayable."""

    about = ("revision",)

    kind: Literal["campaign_revised"] = "campaign_revised"
    revision: int
    definition: Recorded
    settings: ReadOnly[dict[str, Any]] = Field(default_factory=ReadOnlyDict)
    why: str | None = None


class LeaseTaken(_Event):
    """A controller starts to act; controllers with older epochs can no longer write.

    `sources` holds the hashes of the evaluator's files by name, as the controller found them.
    """

    about = ("epoch",)

    kind: Literal["lease_taken"] = "lease_taken"
    epoch: int
    host: str
    pid: int
    started: str
    sources: ReadOnly[dict[str, str]] | None = None


class TrialProposed(GivesItsPoint, _Event):
    """A point will be tried; written before anything is submitted.

    `why` is the reason for a person's suggestion. A `parked` trial starts only after a person has approved it, for the
    reason in `parked_because`. `batch` is the number of the first trial from the same request to the proposer. `weight`
    is the trial's share of the trials that are tried at the same time.
    """

    about = ("trial",)

    kind: Literal["trial_proposed"] = "trial_proposed"
    trial: int
    point: Point
    generator: Generator
    batch: int | None = None
    weight: Share | None = None
    provenance: Provenance | None = None
    why: str | None = None
    parked: bool = False
    parked_because: str | None = None


class TrialApproved(_Event):
    """A person lets a parked trial start."""

    about = ("trial",)

    kind: Literal["trial_approved"] = "trial_approved"
    trial: int
    why: str


class TrialRejected(_Event):
    """A person ended a parked trial; it will never start."""

    about = ("trial",)

    kind: Literal["trial_rejected"] = "trial_rejected"
    trial: int
    why: str


class LossAccepted(_Event):
    """A person continues with a ledger that lacks the segment named by a receipt; `hash` is the hash of its file."""

    about = ("segment", "hash")

    kind: Literal["loss_accepted"] = "loss_accepted"
    segment: int
    hash: str
    why: str


class _AttemptEvent(_Event):
    about = ("trial", "attempt")

    trial: int
    attempt: int


class AttemptStarted(_AttemptEvent):
    """An evaluator is about to be called; written before the call.

    `sources` holds the hashes of the evaluator's files, if they have changed since the last event that recorded them.
    `resumed` names the trial at a lower fidelity from which the evaluation continues.
    """

    kind: Literal["attempt_started"] = "attempt_started"
    key: str
    deadline: Instant | None = None
    sources: ReadOnly[dict[str, str]] | None = None
    resumed: Resumed | None = None


class AttemptPlaced(_AttemptEvent):
    """An evaluation continues after its process has ended; the evaluator finds it again by the `handle`."""

    about = ("trial", "attempt", "handle")

    kind: Literal["attempt_placed"] = "attempt_placed"
    handle: str


class MeasurementReported(_AttemptEvent):
    """A running evaluation reported a measurement."""

    about = ("trial", "attempt", "step")

    kind: Literal["measurement_reported"] = "measurement_reported"
    step: int
    metrics: ReadOnly[dict[str, Measurement]]


class TrialObserved(_AttemptEvent):
    """A trial ended with a result; attempt 0 means that the result was imported, and `metadata` holds its source.

    `notes` lists side information of the result that was ignored, with the reason.
    """

    kind: Literal["trial_observed"] = "trial_observed"
    metrics: ReadOnly[dict[str, Measurement]]
    seconds: float = 0.0
    cost: float | None = None
    artifacts: tuple[str, ...] = ()
    metadata: ReadOnly[dict[str, Any]] = Field(default_factory=ReadOnlyDict)
    notes: tuple[str, ...] = ()


class AttemptFailed(_AttemptEvent):
    """An attempt ended badly.

    A failure of the `machine` is unrelated to the point and counts for nothing. `metrics` were measured nevertheless,
    and nothing is learnt from them.
    """

    kind: Literal["attempt_failed"] = "attempt_failed"
    cause: Cause
    message: str
    will_retry: bool
    seconds: float = 0.0
    cost: float | None = None
    machine: bool = False
    # None rather than empty, because the rows of older segments have no list of metrics here.
    metrics: ReadOnly[dict[str, Measurement]] | None = None
    notes: tuple[str, ...] = ()


class AttemptUnknown(_AttemptEvent):
    """The fate of an attempt cannot be determined; the attempt stays open until a person reports it."""

    kind: Literal["attempt_unknown"] = "attempt_unknown"
    message: str


class TrialFailed(_AttemptEvent):
    """A trial ended without a result: its last attempt failed and there will be no other.

    `quarantined` means that the point took several workers down, so the model avoids its surroundings, too.
    """

    kind: Literal["trial_failed"] = "trial_failed"
    cause: Cause
    message: str
    quarantined: bool = False


class TrialStopped(_AttemptEvent):
    """A rule ended a running trial at a step; its running attempt is ended, and its reports are kept.

    `value` was worse than `threshold`; both are of `metric`, in its own unit, and `why` states the reason in words. By
    the improbable rule, both are probabilities, and `metric` is that of the first objective. An arm of an A/B test that
    does `harm` has the difference to the status quo as its `value`, and the bound of this difference as `threshold`; if
    the status quo is `alone`, both are its mean. The rule gives the same answer if it is asked about that step again,
    given all events before this one.
    """

    kind: Literal["trial_stopped"] = "trial_stopped"
    rule: str
    metric: str
    step: int
    value: float
    threshold: float
    why: str


class TrialAbandoned(_Event):
    """A person ended a trial without a result; its running attempt is ended, too."""

    about = ("trial",)

    kind: Literal["trial_abandoned"] = "trial_abandoned"
    trial: int
    why: str


class RecommendationMade(_Event):
    """The configuration that was believed to be best after the ledger's first `events_seen` events.

    A controller records it when it ends, so that it can be computed again and compared. `stack` is that of the
    computation.
    """

    about = ("events_seen",)

    kind: Literal["recommendation_made"] = "recommendation_made"
    events_seen: int
    recommendation: Recommendation
    stack: Stack = Field(default_factory=Stack)


class _ControllerEvent(_Event):
    about = ("epoch",)

    epoch: int
    reason: str


class CampaignDrained(_ControllerEvent):
    """A controller stopped before the campaign was over; the campaign can be resumed.

    `because` is None in ledgers of versions 1 and 2, which have only the reason in words.
    """

    kind: Literal["campaign_drained"] = "campaign_drained"
    because: DrainedBecause | None = None


class CampaignFinished(_ControllerEvent):
    """The campaign is over: its budget is spent, or one more trial is expected to gain too little.

    `because` is None in ledgers of versions 1 and 2, which have only the reason in words.
    """

    kind: Literal["campaign_finished"] = "campaign_finished"
    because: FinishedBecause | None = None


class _Request(_Event):
    """A person's request to the acting controller or a later one; requests are numbered in order."""

    about = ("request",)

    request: int
    why: str = ""


class CampaignPaused(_Request):
    """Nothing new starts until the campaign is resumed; running evaluations continue.

    The event is written by a person, or by a controller whose machine cannot carry out evaluations. A controller's own
    pause ends without a person.
    """

    kind: Literal["campaign_paused"] = "campaign_paused"


class CampaignResumed(_Request):
    """A paused campaign starts trials again; a controller ends only its own pause."""

    kind: Literal["campaign_resumed"] = "campaign_resumed"


class CampaignAskedToStop(_Event):
    """A person wants the controller of this epoch, and no later one, to drain or to stop at once."""

    about = ("epoch", "at_once")

    kind: Literal["campaign_asked_to_stop"] = "campaign_asked_to_stop"
    epoch: int
    at_once: bool
    why: str = ""


Event = Annotated[
    CampaignDefined
    | CampaignRevised
    | LossAccepted
    | LeaseTaken
    | TrialProposed
    | AttemptStarted
    | AttemptPlaced
    | MeasurementReported
    | TrialObserved
    | AttemptFailed
    | AttemptUnknown
    | TrialFailed
    | TrialStopped
    | TrialAbandoned
    | TrialApproved
    | TrialRejected
    | RecommendationMade
    | CampaignDrained
    | CampaignFinished
    | CampaignPaused
    | CampaignResumed
    | CampaignAskedToStop,
    Field(discriminator="kind"),
]

# The events that may change a recommendation; a recorded one holds until the next of them. A set of classes, because
# each event is looked up and `isinstance` takes 70 times as long.
MAY_CHANGE_A_RECOMMENDATION: frozenset[type[BaseModel]] = frozenset(
    {
        CampaignDefined,
        CampaignRevised,
        MeasurementReported,
        TrialObserved,
        TrialFailed,
        TrialStopped,
        TrialAbandoned,
        TrialRejected,
    }
)

read_event: TypeAdapter[Event] = TypeAdapter(Event)
