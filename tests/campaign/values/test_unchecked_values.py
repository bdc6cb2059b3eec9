"""Models made without checks are exactly those that their classes would have made."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from overnight.campaign import History, Measurement
from overnight.campaign.history.events import AttemptFailed, AttemptStarted, Event, TrialObserved, TrialProposed
from overnight.campaign.history.provenance import Knew, MadeBy, Prediction, Provenance
from overnight.campaign.history.trial import Attempt, Observation, Proposal, Trial
from overnight.campaign.values.unchecked import unchecked

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def of(kind: type[Event], trial: int, **fields: Any) -> Event:
    return kind(time=NOON, actor="ada", trial=trial, **fields)


MADE_BY_MODEL = Provenance(made_by=MadeBy(seed=1), knew=Knew(pending=(1,)), predicted={"loss": Prediction(mean=0.5)})
EVENTS = [
    of(TrialProposed, 1, point={"x": 1.5, "n": 3, "s": "a", "b": True}, generator="sobol"),
    of(AttemptStarted, 1, attempt=1, key="night/1/1"),
    of(AttemptFailed, 1, attempt=1, cause="infrastructure", message="lost", will_retry=True, metrics={}),
    of(AttemptStarted, 1, attempt=2, key="night/1/2", deadline=NOON),
    of(TrialObserved, 1, attempt=2, metrics={"loss": Measurement(mean=0.5, sem=0.1)}, cost=2.0, notes=("odd",)),
    of(TrialProposed, 2, point={}, generator="model", provenance=MADE_BY_MODEL, weight=0.5, parked=True),
    of(TrialProposed, 3, point={"x": 2}, generator="manual", parked_because="too dear"),
    of(AttemptStarted, 3, attempt=1, key="night/3/1"),
]


def models_in(value: object) -> Iterator[BaseModel]:
    """Return every model in a value, at any depth."""
    if isinstance(value, BaseModel):
        yield value
    parts: Iterable[object] = value if isinstance(value, tuple) else ()
    if isinstance(value, BaseModel | Mapping):
        parts = (vars(value) if isinstance(value, BaseModel) else value).values()
    for part in parts:
        yield from models_in(part)


def exactly(model: BaseModel) -> tuple[object, ...]:
    """Return everything about a model that can be told from outside, with types and orders."""
    types = [type(value) for value in vars(model).values()]
    return type(model), repr(vars(model)), types, model.model_fields_set, model.model_dump_json(), hash(repr(model))


def test_each_model_of_a_history_is_the_one_that_its_class_makes_of_the_same_values():
    unchecked = {Trial, Proposal, Attempt, Observation}
    models = [model for model in models_in(History.from_events(EVENTS).trials) if type(model) in unchecked]
    assert {type(model) for model in models} == unchecked
    for model in models:
        values = {name: vars(model)[name] for name in model.model_fields_set}
        assert exactly(model) == exactly(type(model)(**values))


@pytest.mark.parametrize(
    ("event", "model", "same"),
    [
        (TrialProposed, Proposal, ["point", "generator", "weight", "provenance"]),
        (TrialProposed, Trial, ["batch", "parked", "parked_because"]),
        (AttemptStarted, Attempt, ["key", "actor"]),
        (TrialObserved, Observation, ["attempt", "metrics", "seconds", "cost", "artifacts", "notes"]),
    ],
)
def test_the_values_were_checked_as_the_model_checks_them(event, model, same):
    for name in same:
        there, here = event.model_fields[name], model.model_fields[name]
        assert there.annotation == here.annotation
        assert repr(there.metadata) == repr(here.metadata)


def test_a_changed_copy_leaves_the_other_models_as_they_are():
    attempt = unchecked(Attempt, "deadline", "host", "process", "unknown", "evaluator", "handle", "resumed", "failed")
    first, second = (attempt(number=n, key="k", actor="ada", started=NOON) for n in (1, 2))
    assert first.model_copy(update={"unknown": "lost"}).model_fields_set - first.model_fields_set == {"unknown"}
    assert first.model_fields_set == second.model_fields_set == {"number", "key", "actor", "started"}
    assert first == Attempt(number=1, key="k", actor="ada", started=NOON)
