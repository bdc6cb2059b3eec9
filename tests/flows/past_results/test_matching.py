"""A past result fits if its values are of the space; only the space knows which values must be there."""

from asked_campaign import CAMPAIGN

from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.past_results.matching import fitted
from overnight.storage.past.results import PastResults, PastRow

PARAMETERS = {
    "x": {"kind": "float", "low": 0, "high": 1},
    "heat": {"kind": "int", "low": 1, "high": 9},
    "flour": {"kind": "fixed", "value": "rye"},
}


def test_a_row_without_a_value_of_a_parameter_is_named_and_a_fixed_one_is_added():
    rows = (
        PastRow("row 1", {"x": 0.5, "heat": 3}, {"score": 1.0}),
        PastRow("row 2", {"x": 0.5}, {"score": 1.0}),
        PastRow("row 3", {"x": 0.5, "heat": None, "flour": None}, {"score": 1.0}),
        PastRow("row 4", {"x": 2.5, "heat": "", "flour": "corn"}, {"score": 1.0}),
    )
    campaign = read_campaign(CAMPAIGN | {"parameters": PARAMETERS}).campaign
    found = fitted(campaign, PastResults("past.csv", rows, ("x", "heat", "score")))
    assert [each.point for each in found.observations] == [{"x": 0.5, "heat": 3, "flour": "rye"}]
    assert found.misfits == 3
    assert found.problems == (
        "past.csv, row 2, `heat`: expected a value, got nothing",
        "past.csv, row 3, `heat`: expected a value, got nothing",
        "past.csv, row 4, `x`: expected a number between 0 and 1, found 2.5",
        "past.csv, row 4, `heat`: expected a whole number between 1 and 9, found ''",
        "past.csv, row 4, `flour`: expected the fixed value 'rye', found 'corn'",
    )


LIMITED = {
    "on": {"kind": "bool"},
    "x": {"kind": "float", "low": 0, "high": 1, "when": {"on": True}},
    "y": {"kind": "float", "low": 0, "high": 1},
    "twice": {"kind": "derived", "value": "2 * x"},
}


def limited(*values: dict) -> tuple[list, tuple[str, ...]]:
    """Return the points and the problems of rows of a space with a condition and a constraint."""
    campaign = read_campaign(CAMPAIGN | {"parameters": LIMITED, "parameter_constraints": ["y <= 0.5"]}).campaign
    rows = tuple(PastRow(f"row {i}", each, {"score": 1.0}) for i, each in enumerate(values, start=1))
    found = fitted(campaign, PastResults("past.csv", rows, ("on", "x", "y", "twice", "score")))
    return [each.point for each in found.observations], found.problems


def test_an_empty_cell_of_a_table_stands_for_an_inactive_parameter():
    points, problems = limited(
        {"on": "false", "x": "", "y": "0.5", "twice": ""},
        {"on": False, "x": float("nan"), "y": 0.25, "twice": None},
        {"on": True, "x": 0.25, "y": 0.25, "twice": ""},
        {"on": True, "x": "", "y": 0.25},
    )
    assert points == [
        {"on": False, "y": 0.5},
        {"on": False, "y": 0.25},
        {"on": True, "x": 0.25, "y": 0.25, "twice": 0.5},
    ]
    assert problems == ("past.csv, row 4, `x`: expected a value, got nothing",)


def test_a_row_that_breaks_a_constraint_is_named_with_its_values():
    points, problems = limited({"on": False, "y": 0.75})
    assert points == []
    assert problems == ("past.csv, row 1, expected `y <= 0.5`, got y = 0.75",)


def test_past_results_are_at_full_fidelity_unless_they_have_a_column_of_it():
    fidelity = {"fidelity": {"epochs": {"low": 1, "high": 9}}, "budget": {"trials": 9, "cost": 3}}
    campaign = read_campaign(CAMPAIGN | fidelity).campaign
    plain = fitted(campaign, PastResults("past.csv", (PastRow("row 1", {"x": 0.5}, {"score": 1.0}),), ("x", "score")))
    assert [each.point for each in plain.observations] == [{"x": 0.5, "epochs": 9}]
    rows = tuple(PastRow(f"row {n}", {"x": 0.5, "epochs": n}, {"score": 1.0}) for n in (3, "5", "", 40))
    found = fitted(campaign, PastResults("past.csv", rows, ("x", "epochs", "score")))
    assert [each.point["epochs"] for each in found.observations] == [3, 5, 9]
    assert found.problems == ("past.csv, row 40, `epochs`: expected a whole number from 1 to 9, found 40",)
