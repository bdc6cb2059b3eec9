import io
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from campaign.errors import InvalidDefinition
from flows.campaign_file import CampaignFile, load_campaign_file, read_campaign
from flows.campaign_template import TEMPLATE_FILES
from flows.definition_changes import differences
from flows.describe import describe

GOOD = """\
name: oven
parameters:
  heat: {kind: float, low: 1, high: 300, scale: log, unit: degrees}
  racks: {kind: int, low: 1, high: 4}
  flour: {kind: categorical, choices: [rye, wheat, off]}
minimize: burnt
metrics: [time]
evaluator: {kind: python, function: "bakery:bake", time_limit: 2h30m}
budget: {trials: 20}
baseline: {heat: 200, racks: 2, flour: rye}
"""


def load(folder: Path, text: str) -> CampaignFile:
    path = folder / "campaign.yaml"
    path.write_text(text)
    return load_campaign_file(path)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(InvalidDefinition) as refused:
        load(folder, text)
    return [line.replace(f"{folder}/", "") for line in refused.value.problems]


def test_a_good_file_is_read_with_yaml_of_today(tmp_path):
    file = load(tmp_path, GOOD.replace("low: 1,", "low: 1e-5,", 1))
    assert file.campaign.parameters.root["heat"].low == 1e-5
    assert file.campaign.parameters.root["flour"].choices == ("rye", "wheat", "off")
    assert file.evaluator.time_limit.total_seconds() == 9000
    assert file.ledger == str(tmp_path / "ledger")


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("minimize:", "minimise:"), 6, ["minimise", "unknown", "minimize"]),
        (("low: 1, high: 300", "low: 300, high: 1"), 3, ["parameters.heat", "expected low < high", "300 and 1"]),
        (("low: 1, high: 300", "low: 0, high: 300"), 3, ["parameters.heat", "expected low > 0 on a log scale", "0"]),
        (("  racks:", "  heat:"), 3, ["parameters.heat", "lines 3 and 4"]),
        (("kind: python", "kind: oracle"), 8, ["evaluator", "oracle", "python", "command", "simulated"]),
        (("kind: int", "kind: integer"), 4, ["parameters.racks", "integer", "int", "ordinal"]),
        (("trials: 20", "trials: many"), 9, ["budget.trials", "many"]),
        (("trials: 20", "trials: 0"), 9, ["budget.trials", "0"]),
        (("heat: 200", "heat: 900"), 10, ["baseline.heat", "between 1 and 300", "900"]),
        (("racks: 2, flour: rye}", "flour: rye}"), 10, ["baseline.racks", "expected a value"]),
        (("[rye, wheat, off]", "[rye, rye]"), 5, ["parameters.flour", "twice"]),
        (("2h30m", "soon"), 8, ["evaluator.time_limit", "duration", "soon"]),
        (("minimize: burnt", "minimize: burnt\nmaximize: taste"), 7, ["maximize", "expected either"]),
    ],
)
def test_what_is_wrong_is_said_with_its_line_its_path_and_what_was_found(tmp_path, change, line, words):
    found = problems(tmp_path, GOOD.replace(*change, 1))
    assert any(p.startswith(f"campaign.yaml:{line}:") and all(word in p for word in words) for p in found), found


def test_every_problem_is_said_at_once(tmp_path):
    found = problems(tmp_path, GOOD.replace("trials: 20", "trials: 0").replace("low: 1, high: 4", "low: 4, high: 1"))
    assert len(found) == 2


@pytest.mark.parametrize("text", ["", "just words", "- a\n- list\n", "a: [1, 2", "\t\tx: 1", "name: oven\n"])
def test_what_is_no_campaign_at_all_is_refused_in_words(tmp_path, text):
    assert all("campaign.yaml" in problem for problem in problems(tmp_path, text))


def test_a_missing_file_and_a_folder_are_refused_in_words(tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(InvalidDefinition, match="expected"):
            load_campaign_file(path)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = [
    "name",
    "parameters",
    "minimize",
    "metrics",
    "evaluator",
    "budget",
    "baseline",
    "start_with",
    "proposer",
    "seed",
]


@given(st.dictionaries(st.sampled_from(KEYS), junk))
def test_no_mapping_whatever_raises_anything_but_a_refusal(changes):
    source = {
        "name": "oven",
        "parameters": {"heat": {"kind": "float", "low": 0, "high": 1}},
        "minimize": "burnt",
        "evaluator": {"kind": "command", "command": ["bake"]},
        "budget": {"trials": 5},
    }
    with suppress(InvalidDefinition):
        assert read_campaign(source | changes).campaign.budget.trials >= 1


def test_a_campaign_survives_being_stored_as_the_parameter_of_a_deployment(tmp_path):
    file = load(tmp_path, GOOD)
    assert CampaignFile.model_validate(file.model_dump(mode="json")) == file


def test_what_init_writes_is_valid_and_its_objective_runs(tmp_path):
    for name, text in TEMPLATE_FILES.items():
        (tmp_path / name).write_text(text)
    file = load_campaign_file(tmp_path / "campaign.yaml")
    names: dict = {}
    exec(compile(TEMPLATE_FILES["objective.py"], "objective.py", "exec"), names)
    point = file.campaign.parameters.point(file.campaign.baseline)
    result = names["evaluate"](point)
    assert set(file.campaign.expected_metrics) <= set(result)


def test_only_budget_and_workers_may_change_under_the_same_name(tmp_path):
    campaign = load(tmp_path, GOOD).campaign
    more = load(tmp_path, GOOD.replace("trials: 20", "trials: 30") + "workers: 5\n").campaign
    assert differences(campaign, more) == []
    hotter = load(tmp_path, GOOD.replace("high: 300", "high: 400")).campaign
    [change] = differences(campaign, hotter)
    assert "parameters.heat.high" in change
    assert "300" in change
    assert "400" in change


def test_check_can_describe_every_kind_of_parameter(tmp_path):
    console = Console(width=200, record=True, file=io.StringIO())
    file = load(tmp_path, GOOD + "proposer: {kind: sobol}\n")
    console.print(describe(file))
    text = console.export_text()
    assert "1 to 300 degrees, log" in text
    assert "at most 2h30m each" in text
