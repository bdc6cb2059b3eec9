"""The provenance of a proposal, compared part by part with that of its replay."""

import pytest

from overnight.campaign.history.provenance import (
    Asked,
    Chosen,
    Difference,
    FittedModel,
    Knew,
    MadeBy,
    Models,
    Prediction,
    Provenance,
    Stack,
    Weights,
)

COST = FittedModel(hyperparameters={"log_noise_variance": (0.5,)}, jitter=1e-8)
WHOLE = Provenance(
    made_by=MadeBy(seed=3, proposer="a:B"),
    stack=Stack(device="cpu", threads=1, libraries={"torch": "2.13", "numpy": "2.4"}),
    knew=Knew(observed=5, pending=(6, 7), probability_of_approval=0.5),
    # A user's metric may have the same name as one of our models.
    models=Models(metrics={"cost": COST}, feasibility=COST),
    predicted={"cost": Prediction(mean=1.0, sd=0.1, low=0.8, high=1.2)},
    chosen=Chosen(acquisition="thompson_sampling", value=-0.0),
    weights=Weights(predicted_cost=4.0),
    asked=Asked(events_seen=12, seconds=0.5),
)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"made_by": MadeBy(seed=4, proposer="a:B")}, [("made_by.seed", "word for word")]),
        (
            {"knew": Knew(observed=6, pending=(6,), probability_of_approval=0.5)},
            [("knew.observed", "word for word"), ("knew.pending", "word for word")],
        ),
        (
            {"predicted": {"cost": Prediction(mean=2.0, sd=0.1, low=0.8, high=1.2)}},
            [("predicted.cost.mean", "except for rounding")],
        ),
        ({"chosen": Chosen(acquisition="thompson_sampling", value=0.0)}, [("chosen.value", "except for rounding")]),
        (
            {"models": Models(metrics={"cost": COST, "time": COST}, feasibility=COST)},
            [("models.metrics", "except for rounding")],
        ),
        ({"stack": Stack(device="cuda", threads=2)}, []),
        ({"asked": Asked(events_seen=1, commit="c0ffee", stand_in="sobol")}, []),
    ],
)
def test_a_part_knows_how_it_is_compared(change, expected):
    found = WHOLE.differences(WHOLE.model_copy(update=change))
    assert sorted(found, key=lambda each: each.path) == sorted(
        (Difference(*each) for each in expected), key=lambda each: each.path
    )


def test_a_prediction_that_is_not_made_again_differs():
    found = {each.path for each in WHOLE.differences(WHOLE.model_copy(update={"predicted": {}}))}
    assert found == {"predicted", *(f"predicted.cost.{name}" for name in ("mean", "sd", "low", "high"))}


def test_a_value_that_was_not_recorded_is_not_compared():
    before = Provenance.model_validate({"made_by": {"seed": 3}, "predicted": {"cost": {"mean": 1.0}}})
    assert before.differences(WHOLE) == []
    assert Difference("chosen.acquisition", "except for rounding") in WHOLE.differences(before)


def test_another_stack_is_named_by_what_it_has_in_place_of_what_was_recorded():
    assert WHOLE.stack.changes(WHOLE.stack) == []
    assert Stack().changes(WHOLE.stack) == []
    now = Stack(device="cuda", threads=1, libraries={"torch": "2.14", "numpy": "2.4"})
    assert WHOLE.stack.changes(now) == ["libraries (torch)", "device"]
