import json
from pathlib import Path

import pytest

from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file
from overnight.flows.engine.written_order import in_written_order, written_order

EXAMPLES = sorted((Path(__file__).parents[3] / "examples").glob("*/campaign.yaml"))
CAMPAIGN = """
name: ordered
parameters:
  width: {kind: float, low: 0, high: 1}
  a: {kind: float, low: 0, high: 1}
  gap: {kind: float, low: 0, high: 1}
context: {workload: [read, write], at: [day, night]}
minimize: loss
evaluator: objective:evaluate
budget: {trials: 3}
"""


def as_stored_by_postgresql(file: CampaignFile) -> CampaignFile:
    """Return the file after a journey through JSONB, which sorts keys by their lengths, and then by their bytes."""

    def stored(value):
        if isinstance(value, dict):
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return {key: stored(value[key]) for key in keys}
        return [stored(one) for one in value] if isinstance(value, list) else value

    return CampaignFile.model_validate(stored(json.loads(json.dumps(file.model_dump(mode="json")))))


def order_of(file: CampaignFile) -> tuple[list[str], list[str]]:
    context = file.campaign.context
    return list(file.campaign.parameters.root), [] if context is None else list(context.root)


@pytest.fixture
def file(tmp_path: Path) -> CampaignFile:
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    return load_campaign_file(tmp_path / "campaign.yaml")


def test_the_parameters_of_a_deployed_campaign_keep_the_order_of_its_file(file):
    stored = as_stored_by_postgresql(file)
    assert order_of(stored) == (["a", "gap", "width"], ["at", "workload"])
    restored = in_written_order(stored, written_order(file))
    assert order_of(restored) == order_of(file) == (["width", "a", "gap"], ["workload", "at"])
    assert restored == file


def test_a_deployment_of_an_older_version_names_no_order_and_stays_as_it_is(file):
    stored = as_stored_by_postgresql(file)
    assert in_written_order(stored, []) is stored


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_order_of_every_example_is_restored(path):
    file = load_campaign_file(path)
    assert order_of(in_written_order(as_stored_by_postgresql(file), written_order(file))) == order_of(file)
