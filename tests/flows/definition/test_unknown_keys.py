"""An unknown key without a close match is shown with the keys that may stand there, and never in one long line."""

from pathlib import Path
from typing import Any

import pytest
from command_line import overnight_here

from overnight.campaign import Campaign
from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.problems import unknown_key
from overnight.flows.definition.campaign_file import CampaignFile, read_campaign

FILE: dict[str, Any] = {
    "name": "small",
    "parameters": {"x": {"kind": "float", "low": 0, "high": 1}},
    "minimize": "loss",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 5},
}
KEYS = [*Campaign.model_fields, *(name for name in CampaignFile.model_fields if name != "campaign")]


def refused(**changes: Any) -> InvalidDefinition:
    with pytest.raises(InvalidDefinition) as found:
        read_campaign(FILE | changes)
    return found.value


def test_the_keys_of_a_file_follow_once_below_all_problems_in_short_lines():
    found = refused(zzz=1, qqq=2)
    assert found.problems == [f"{key}: expected a known key, got the unknown key `{key}`" for key in ("zzz", "qqq")]
    first, second, title, *lines = str(found).splitlines()
    assert [first, second] == found.problems
    assert title == "The keys of a campaign file are:"
    assert " ".join(line.removeprefix("  ") for line in lines).split(", ") == KEYS
    assert all(line.startswith("  ") and len(line) <= 100 for line in lines)


def test_a_key_with_a_close_match_needs_no_list():
    found = str(refused(worker=2))
    assert found == "worker: expected a known key, got the unknown key `worker`; did you mean `workers`?"


def test_of_many_names_elsewhere_the_first_ones_are_listed_and_the_others_counted():
    names = [f"p{i}" for i in range(30)]
    listed = ", ".join(names[:12])
    assert unknown_key("zzz", names) == f"expected one of {listed} and 18 others, got the unknown key `zzz`"
    assert unknown_key("zzz", names[:12]) == f"expected one of {listed}, got the unknown key `zzz`"
    assert unknown_key("zzz", names[:13]) == f"expected one of {listed} and 1 other, got the unknown key `zzz`"


def test_the_command_line_shows_them_below_the_line_of_the_key(tmp_path: Path):
    text = "name: small\nzzz: 3\nparameters: {x: {kind: float, low: 0, high: 1}}\nminimize: loss\nbudget: {trials: 5}\n"
    (tmp_path / "campaign.yaml").write_text(text)
    lines = overnight_here(tmp_path, "check", code=2).stderr.splitlines()
    assert lines[:2] == [
        "campaign.yaml:2: zzz: expected a known key, got the unknown key `zzz`",
        "The keys of a campaign file are:",
    ]
    assert lines[2].startswith("  name, description, kind, parameters,")
    assert all(len(line) <= 100 for line in lines)
