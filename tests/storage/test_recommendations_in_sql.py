"""The view `recommendations`: one row for each recommendation, the newest last, with values of every type."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from overnight.campaign import Campaign, Measurement
from overnight.campaign.history.events import (
    AttemptStarted,
    CampaignDefined,
    Event,
    RecommendationMade,
    TrialObserved,
    TrialProposed,
)
from overnight.campaign.history.provenance import Prediction
from overnight.campaign.recommendation import Recommendation
from overnight.storage import open_ledger
from overnight.storage.sql import query

NOON = {"time": datetime(2026, 3, 1, 12, tzinfo=UTC), "actor": "controller"}
FLOAT = {"kind": "float", "low": 0, "high": 10}


def rows(folder: Path, parameters: dict[str, Any], tried: list[Any], recommended: list[Any], select: str) -> list[Any]:
    """Return rows of the view for recommended values of the first parameter, each recorded after one more event."""
    [name, *_] = parameters
    campaign = Campaign.model_validate(
        {"name": "told", "parameters": parameters, "minimize": "loss", "budget": {"trials": 9}}
    )
    events: list[Event] = [CampaignDefined(**NOON, uid="1", definition=campaign, settings={})]
    for trial, value in enumerate(tried, start=1):
        events += [
            TrialProposed(**NOON, trial=trial, point={name: value}, generator="sobol"),
            AttemptStarted(**NOON, trial=trial, attempt=1, key=str(trial)),
            TrialObserved(**NOON, trial=trial, attempt=1, metrics={"loss": Measurement(mean=1.0)}),
        ]
    made = [
        RecommendationMade(
            **NOON,
            events_seen=len(events) + number,
            recommendation=Recommendation(
                trial=None,
                point={name: value},
                best_measured=1,
                objective="loss",
                predicted={"loss": Prediction(mean=1.0)},
                probability_best=0.5,
            ),
        )
        for number, value in enumerate(recommended)
    ]
    ledger = open_ledger(str(folder), "told", folder)

    async def write() -> None:
        for number, segment in enumerate([events, *([each] for each in (*made, made[-1]))]):
            await ledger.append(segment, after=number)

    asyncio.run(write())
    return query(ledger, select).rows


def test_a_recommendation_that_was_recorded_twice_is_one_row(tmp_path: Path) -> None:
    assert rows(tmp_path, {"x": FLOAT}, [1.0], [2.0, 3.0], "select x from recommendations") == [(2.0,), (3.0,)]


@pytest.mark.parametrize("name", ["segment", "position", "body", "events"])
def test_the_newest_is_the_last_whatever_a_parameter_is_called(tmp_path: Path, name: str) -> None:
    found = rows(tmp_path, {name: FLOAT}, [1.0], [9.0, 3.0], f"select {name} from recommendations")
    assert found == [(9.0,), (3.0,)]


@pytest.mark.parametrize(
    ("choices", "tried", "recommended", "shown"),
    [
        ([1, 2, "auto"], [1, 2], "auto", "auto"),
        ([1, 2, 2.5], [1, 2], 2.5, 2.5),
        (["a", False], ["a"], False, "false"),
        ([1, 2**70], [1], 2**70, str(2**70)),
    ],
)
def test_a_recommended_value_of_a_type_that_was_never_tried_is_shown(
    tmp_path: Path, choices: list[Any], tried: list[Any], recommended: Any, shown: Any
) -> None:
    parameters = {"x": {"kind": "categorical", "choices": choices}}
    [[found]] = rows(tmp_path, parameters, tried, [recommended], "select x from recommendations")
    assert found == shown
