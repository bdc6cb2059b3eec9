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
