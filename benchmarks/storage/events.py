"""A campaign as its ledger would hold it: a proposal with its provenance, a start and a result for each trial."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice

from overnight.campaign import Campaign, Measurement
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    Event,
    LeaseTaken,
    TrialObserved,
    TrialProposed,
)
from overnight.campaign.history.provenance import (
    Asked,
    Chosen,
    FittedModel,
    Knew,
    MadeBy,
    Models,
    Prediction,
    Provenance,
    Stack,
)
from overnight.campaign.space import Point

_BEGINNING = datetime(2026, 3, 1, 22, tzinfo=UTC)
_CAMPAIGN = Campaign.model_validate(
    {
        "name": "night",
        "parameters": {f"x{i}": {"kind": "float", "low": 0, "high": 1} for i in range(6)},
        "minimize": "loss",
        "budget": {"trials": 1_000_000},
    }
)
_PROVENANCE = Provenance(
    made_by=MadeBy(seed=1),
    stack=Stack(
        device="cpu",
        threads=1,
        libraries={"torch": "2.13.0", "gpytorch": "1.15.2", "numpy": "2.4.6", "scipy": "1.17.1"},
    ),
    knew=Knew(observed=100, pending=tuple(range(8))),
    models=Models(
        metrics={
            "loss": FittedModel(
                hyperparameters={"log_length_scales": tuple(i / 7 for i in range(6)), "log_noise_variance": (-10 / 3,)},
                jitter=1e-8,
                starts={f"draw {i}, 100 observations": "converged at -2.33454" for i in range(4)},
            )
        }
    ),
    predicted={"loss": Prediction(mean=0.2, sd=0.4)},
    chosen=Chosen(acquisition="log_noisy_expected_improvement", value=-2.1, jitter=1e-8),
    asked=Asked(events_seen=300, seconds=0.1, commit="0a1b2c"),
)


def events(number: int) -> list[Event]:
    """Return the first `number` events."""
    return list(islice(_events(), number))


def _events() -> Iterator[Event]:
    yield CampaignDefined(time=_BEGINNING, actor="ada", uid="u-1", definition=_CAMPAIGN)
    yield LeaseTaken(time=_BEGINNING, actor="controller", epoch=1, host="here", pid=1, started="1")
    for trial in count(1):
        time = _BEGINNING + timedelta(seconds=trial)
        point: Point = {f"x{i}": (trial * 0.618 + i / 7) % 1 for i in range(6)}
        yield TrialProposed(
            time=time, actor="controller", trial=trial, point=point, generator="model", provenance=_PROVENANCE
        )
        yield AttemptStarted(time=time, actor="controller", trial=trial, attempt=1, key=f"night/{trial}/1")
        metrics = {"loss": Measurement(mean=trial * 0.618 % 1, sem=0.1)}
        yield TrialObserved(time=time, actor="controller", trial=trial, attempt=1, metrics=metrics, seconds=1.0)
