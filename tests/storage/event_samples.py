"""One event of every kind, with every possible field filled in."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from overnight.campaign import Campaign, Measurement
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptPlaced,
    AttemptStarted,
    AttemptUnknown,
    CampaignAskedToStop,
    CampaignDefined,
    CampaignDrained,
    CampaignFinished,
    CampaignPaused,
    CampaignResumed,
    CampaignRevised,
    Event,
    LeaseTaken,
    LossAccepted,
    MeasurementReported,
    RecommendationMade,
    TrialAbandoned,
    TrialApproved,
    TrialFailed,
    TrialObserved,
    TrialProposed,
    TrialRejected,
    TrialStopped,
)
from overnight.campaign.history.provenance import (
    UNNAMED_OBJECTIVE,
    Asked,
    Chosen,
    FittedModel,
    Knew,
    MadeBy,
    Models,
    Prediction,
    Provenance,
    Stack,
    Weights,
)
from overnight.campaign.recommendation import Recommendation

# The number of segments in the ledger that tests damage.
SEGMENTS = 4
NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
SUMMER = timezone(timedelta(hours=2))

DEFINITION = Campaign.model_validate(
    {
        "name": "bread",
        "description": "crust & crumb, 220 °C",
        "parameters": {
            "heat": {"kind": "float", "low": 0.1, "high": 1e300, "scale": "log", "unit": "K"},
            "turns": {"kind": "int", "low": -(2**53), "high": 2**53},
            "flour": {"kind": "categorical", "choices": ["rye", 1, 2.0, 2**70, False]},
            "salt": {"kind": "ordinal", "choices": [0.1, 0.2]},
            "oven": {"kind": "fixed", "value": "stone"},
        },
        "minimize": "burnt",
        "metrics": ["minutes"],
        "workers": 3,
        "budget": {"trials": 7, "wall_clock": "2h30m"},
        "baseline": {"heat": 0.1, "turns": 0, "flour": False, "salt": 0.1},
        "start_with": [{"heat": 2, "turns": 5, "flour": 2**70, "salt": 0.2, "oven": "stone"}],
        # Written out, as in the old ledgers, because the default was a different number then.
        "failures": {"max_attempts": 2, "max_in_a_row": 5},
        "seed": 2**63 - 1,
    }
)

PROVENANCE = Provenance(
    made_by=MadeBy(seed=2**64),
    stack=Stack(device="cpu", threads=1, libraries={"torch": "2.13.0"}),
    knew=Knew(observed=2, pending=(4, 5)),
    models=Models(
        metrics={"burnt": FittedModel(hyperparameters={"lengthscale": (0.1, 1 / 3, 5e-324), "noise": ()})},
        cost=FittedModel(hyperparameters={"noise": (-0.0,)}, jitter=1e-12),
    ),
    predicted={"burnt": Prediction(mean=-0.0, sd=0.1 + 0.2), "minutes": Prediction(mean=5e-324, low=-1e300)},
    chosen=Chosen(acquisition="log_noisy_ei", value=float("-inf"), jitter=1e-12),
    weights=Weights(predicted_cost=1 / 3),
    asked=Asked(events_seen=12, seconds=0.25, commit="0a1b2c"),
)

METRICS = {
    "burnt": Measurement(mean=1 / 3, sem=None),
    "minutes": Measurement(mean=-0.0, sem=0.0, n=2**63 - 1),
    "grams": Measurement(mean=5e-324, sem=1.7976931348623157e308),
}

EVENTS: tuple[Event, ...] = (
    CampaignDefined(
        time=NOON,
        actor="ada@home",
        uid="u-1",
        definition=DEFINITION,
        settings={"evaluator": {"kind": "command", "command": ["bake", "--hot"]}, "proposer": None},
    ),
    CampaignRevised(
        time=NOON,
        actor="ada@home",
        revision=2,
        definition=DEFINITION,
        settings={"proposer": {"draws": 64}},
        why="it was too hot",
    ),
    LeaseTaken(time=NOON, actor="controller", epoch=3, host="oven.local", pid=4711, started="81234"),
    TrialProposed(
        time=NOON.astimezone(SUMMER),
        actor="controller",
        trial=2**62,
        point={"heat": 1.0, "turns": 1, "flour": 2**70, "rise": True, "oven": "stone", "note": ""},
        generator="model",
        batch=2**62,
        weight=1 / 3,
        provenance=PROVENANCE,
        why="because",
        parked=True,
        parked_because="heat is 1.0, 0.5 of its range away ☃",
    ),
    TrialProposed(time=NOON, actor="controller", trial=2, point={}, generator="baseline"),
    AttemptStarted(
        time=NOON, actor="controller", trial=2, attempt=1, key="bread/2/1", deadline=NOON + timedelta(hours=1)
    ),
    AttemptStarted(time=NOON, actor="controller", trial=2, attempt=2, key="bread/2/2"),
    MeasurementReported(time=NOON, actor="evaluator", trial=2, attempt=1, step=2**40, metrics=METRICS),
    TrialObserved(
        time=NOON,
        actor="controller",
        trial=2,
        attempt=1,
        metrics=METRICS,
        seconds=0.1,
        cost=0.0,
        artifacts=("crust.png", "crumb.png"),
        notes=("metric `crumbs ☃` was ignored",),
        metadata={"nested": {"list": [1, 1.0, True, None, "é"], "large": 2**80, "lost": float("nan")}},
    ),
    TrialObserved(time=NOON, actor="controller", trial=3, attempt=1, metrics={}),
    AttemptFailed(
        time=NOON,
        actor="controller",
        trial=2,
        attempt=1,
        cause="infrastructure",
        message="line 1\nline 2 \x00 'quoted' ☃",
        will_retry=False,
        seconds=1.5,
        cost=2.5,
        metrics=METRICS,
        notes=("`cost` was refused ☃", "and 3 more of this kind"),
    ),
    TrialStopped(
        time=NOON,
        actor="controller",
        trial=7,
        attempt=1,
        rule="median",
        metric="burnt",
        step=2**40,
        value=1 / 3,
        threshold=-0.0,
        why="at step 5 its best so far was worse ☃",
    ),
    TrialAbandoned(time=NOON, actor="ada@home", trial=5, why="the dough fell\noff the table"),
    TrialApproved(time=NOON, actor="ada@home", trial=2, why="it looks tasty"),
    TrialRejected(time=NOON, actor="bob@work", trial=6, why="too hot"),
    AttemptUnknown(time=NOON, actor="controller", trial=2, attempt=2, message="on host ☃"),
    AttemptPlaced(time=NOON, actor="controller", trial=2, attempt=2, handle="experiment ☃"),
    TrialFailed(time=NOON, actor="controller", trial=2, attempt=2, cause="timeout", message=""),
    CampaignDrained(time=NOON, actor="controller", epoch=3, because="window_closed", reason="the window closed"),
    CampaignFinished(time=NOON, actor="controller", epoch=3, because="trials", reason="the budget is spent"),
    CampaignPaused(time=NOON, actor="ada@home", request=7, why="the oven is cleaned: 'until 2 pm' ☃"),
    CampaignResumed(time=NOON, actor="bob@work", request=8, why="clean"),
    CampaignAskedToStop(time=NOON, actor="ada@home", epoch=3, at_once=True, why="smoke"),
    RecommendationMade(
        time=NOON,
        actor="controller",
        events_seen=57,
        recommendation=Recommendation(
            trial=None,
            point={"heat": 1.0, "turns": 2**60, "flour": 2**70, "rise": True, "oven": "stone", "note": ""},
            best_measured=2,
            objective="burnt",
            predicted={"burnt": Prediction(mean=-0.0, sd=0.1 + 0.2, low=-1e300, high=5e-324)},
            baseline={"burnt": Prediction(mean=1 / 3)},
            probability_best=1 / 3,
            probability_better_than_baseline=0.1 + 0.2,
            without_model="it failed ☃",
        ),
        stack=Stack(device="cpu", threads=1, libraries={"torch": "2.13.0"}),
    ),
    LossAccepted(time=NOON, actor="ada@home", segment=9, hash="0" * 64, why="the disk burnt ☃"),
)


# Kinds of events that are newer than the ledgers in `old_ledgers`.
_LATER_KINDS = {
    "attempt_placed",
    "attempt_unknown",
    "campaign_asked_to_stop",
    "campaign_paused",
    "campaign_resumed",
    "loss_accepted",
    "recommendation_made",
    "trial_abandoned",
    "trial_approved",
    "trial_rejected",
    "trial_stopped",
}
_LATER_FIELDS = {"batch", "because", "metrics", "notes", "parked", "parked_because", "quarantined", "weight", "why"}
_IN_OLD_LEDGERS = Provenance(
    made_by=MadeBy(seed=2**64),
    stack=Stack(device="cpu", threads=1, libraries={"torch": "2.13.0"}),
    knew=Knew(observed=2, pending=(4, 5)),
    models=Models(
        metrics={UNNAMED_OBJECTIVE: FittedModel(hyperparameters={"lengthscale": (0.1, 1 / 3, 5e-324), "noise": ()})}
    ),
    predicted={UNNAMED_OBJECTIVE: Prediction(mean=-0.0, sd=0.1 + 0.2)},
    chosen=Chosen(acquisition="log_noisy_ei", value=float("-inf"), jitter=1e-12),
    asked=Asked(events_seen=12, seconds=0.25, commit="0a1b2c"),
)


def in_old_ledgers() -> list[Event]:
    """Return the events that the ledgers of versions 1 and 2 hold, without later kinds and fields."""
    known = [event for event in EVENTS if event.kind not in _LATER_KINDS]
    return [event.model_copy(update=_as_it_was(event)) for event in known]


def in_the_first_of_version_3() -> list[Event]:
    """Return the events that the kept ledger of version 3 holds: this version has learnt two more kinds since."""
    return [event for event in EVENTS if event.kind not in ("attempt_placed", "recommendation_made")]


def _as_it_was(event: Event) -> dict[str, Any]:
    fields = type(event).model_fields
    changes = {name: fields[name].default for name in _LATER_FIELDS & set(fields) if not fields[name].is_required()}
    if isinstance(event, TrialObserved | MeasurementReported):
        changes["metrics"] = {name: found.model_copy(update={"n": None}) for name, found in event.metrics.items()}
    if isinstance(event, TrialProposed) and event.provenance is not None:
        changes["provenance"] = _IN_OLD_LEDGERS
    return changes


def sample(kind: str) -> Event:
    """Return the fullest event of a kind, which is its first one."""
    return next(event for event in EVENTS if event.kind == kind)


def started(number: int, actor: str = "writer") -> AttemptStarted:
    """Return an event that names the segment for which it was written."""
    return AttemptStarted(time=NOON, actor=actor, trial=number, attempt=1, key=str(number))
