import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line import CAMPAIGN
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from typer.testing import CliRunner

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.cli import app
from overnight.flows.definition.campaign_file import read_campaign
from overnight.flows.definition.campaign_template import CAMPAIGN_YAML
from overnight.flows.definition.json_schema import campaign_schema

REPOSITORY = Path(__file__).parents[3]
SCHEMA = Draft202012Validator(campaign_schema())
EXAMPLES = sorted(REPOSITORY.glob("examples/**/campaign*.yaml"))
SMALL: dict[str, Any] = {
    "name": "small",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": "objective:evaluate",
    "budget": {"trials": 3},
}
# Each turns the small campaign into another one that the reader and the schema accept.
ACCEPTED: list[dict[str, Any]] = [
    {},
    {"evaluator": {"function": "objective:evaluate", "time_limit": "10m"}},
    {"evaluator": {"command": "./measure.sh --fast"}},
    {"evaluator": {"command": ["./measure.sh"], "environment": ["TOKEN", "MODE=fast"]}},
    {"window": "22:00–06:00 Europe/Berlin"},
    {"window": {"from": "22:00", "to": "06:00", "zone": "UTC", "days": ["mon"], "running": "stop"}},
    {"run_on": "here"},
    {"run_on": {"pool": "nights", "start_within": "2h"}},
    {"run_on": {"dask": "tcp://10.0.0.5:8786"}, "resources": {"cpus": 2, "memory": "4GB"}},
    {"run_on": {"slurm": {"partition": "night", "time": "3d", "extra": ["--nice=5"]}, "start_within": "2d"}},
    {"baseline": {"x": 0.5}, "approve": {"when": {"change": 0.2, "cost": 12}, "most_waiting": 3}},
    {"stop_early": {"rule": "median"}, "stop_when": {"expected_gain_below": 0.01}},
    {"proposer": {"kind": "sobol"}, "proposing": {"fallback": "none", "ahead": "never"}},
    {"failures": {"back_off": 0, "when_unknown": "ask"}, "receipts": "kept.jsonl"},
    {"objectives": [{"minimize": "loss", "worst": 4}, {"maximize": "gain"}], "minimize": None},
]
# Each is a mistake that the reader and the schema refuse.
REFUSED: list[dict[str, Any]] = [
    {"workres": 2},
    {"budget": {"trails": 3}},
    {"budget": {"trials": 0}},
    {"maximize": "gain"},
    {"minimize": None},
    {"window": "at night"},
    {"run_on": "there"},
    {"evaluator": {"kind": "commnad", "command": ["./measure.sh"]}},
    {"parameters": {"x": {"kind": "flaot", "low": 0, "high": 1}}},
    {"stop_early": {"rule": "mean"}},
    {"objectives": [{"minimize": "loss"}, {"maximize": "gain"}]},
    {"objectives": [{"minimize": "loss"}], "minimize": None},
    {"objectives": [{"minimize": f"loss {i}"} for i in range(7)], "minimize": None},
    {"objectives": [{"minimize": "loss"}, {"minimise": "cost"}], "minimize": None},
    {"objectives": [{"minimize": "loss", "maximize": "gain"}, {"minimize": "cost"}], "minimize": None},
    {"objectives": [{"minimize": "loss", "worst": "4"}, {"minimize": "cost"}], "minimize": None},
    {"objectives": ["loss", "cost"], "minimize": None},
    {"objectives": [], "minimize": None},
]


def accepts(data: object) -> bool:
    return SCHEMA.is_valid(data)


def loaded(text: str) -> Any:
    return YAML(typ="safe", pure=True).load(text)


@pytest.mark.parametrize("text", [CAMPAIGN_YAML, CAMPAIGN, *(path.read_text() for path in EXAMPLES)])
def test_every_template_and_example_is_accepted(text):
    SCHEMA.validate(loaded(text))


@pytest.mark.parametrize("change", ACCEPTED, ids=str)
def test_every_form_that_a_campaign_file_may_have_is_accepted(change):
    written = {key: value for key, value in (SMALL | change).items() if value is not None}
    read_campaign(written)
    assert accepts(written)


@pytest.mark.parametrize("change", REFUSED, ids=str)
def test_a_mistake_is_refused_as_the_campaign_file_refuses_it(change):
    mistaken = {key: value for key, value in (SMALL | change).items() if value is not None}
    with pytest.raises(InvalidDefinition):
        read_campaign(mistaken)
    assert not accepts(mistaken)


def test_the_schema_is_one():
    Draft202012Validator.check_schema(campaign_schema())


def test_the_template_names_the_schema_that_init_writes_beside_it(tmp_path):
    CliRunner().invoke(app, ["init", str(tmp_path)])
    text = (tmp_path / "campaign.yaml").read_text()
    [name] = re.findall(r"\A# yaml-language-server: \$schema=(\S+)\n", text)
    assert json.loads((tmp_path / name).read_text()) == campaign_schema()


def test_the_command_prints_the_schema():
    assert json.loads(CliRunner().invoke(app, ["schema"]).stdout) == campaign_schema()
