import re

import pytest
from ruamel.yaml import YAML

from overnight.campaign import EvaluationRequest, EvaluationSucceeded
from overnight.campaign.errors import InvalidDefinition
from overnight.flows.definition.campaign_file import load_campaign_file, read_campaign
from overnight.flows.definition.campaign_template import TEMPLATE_FILES


async def test_the_template_is_a_campaign_whose_objective_runs(tmp_path):
    for name, text in TEMPLATE_FILES.items():
        (tmp_path / name).write_text(text)
    file = load_campaign_file(tmp_path / "campaign.yaml")
    await file.evaluator.check(file.campaign)
    request = EvaluationRequest(
        campaign=file.campaign.name,
        trial=1,
        attempt=1,
        key="template/1/1",
        parameters=file.campaign.space.point(file.campaign.baseline),
        seed=1,
        expected_metrics=file.campaign.expected_metrics,
        objective=file.campaign.objective.metric,
    )
    outcome = await file.evaluator.evaluate(request, tmp_path / "attempt", lambda report: None)
    assert isinstance(outcome, EvaluationSucceeded)
    assert set(outcome.metrics) == {"yield"}


def test_what_the_template_comments_out_is_valid_too(tmp_path):
    text = TEMPLATE_FILES["campaign.yaml"]
    yaml = YAML(typ="safe", pure=True)
    plain = yaml.load(text)
    evaluators = re.findall(r"(?m)^# (evaluator:\n(?:#   .*\n)+)", text)
    assert len(evaluators) == 2
    for evaluator in evaluators:
        read_campaign(plain | yaml.load(evaluator.replace("#   ", "  ")))
        text = text.replace(evaluator, "")
    [several] = re.findall(r"(?m)^# (objectives: .*\n# prefer: .*\n)", text)
    one = {key: value for key, value in plain.items() if key != "maximize"}
    assert read_campaign(one | yaml.load(several.replace("\n# ", "\n"))).campaign.goal.has_front
    text = text.replace(several, "")
    uncommented = re.sub(r"(?m)^( *)# (?= *(- \{|\w+:( |$)))", r"\1", text)
    # The points lack values for the uncommented parameters; nothing else may be wrong.
    (tmp_path / "campaign.yaml").write_text(uncommented)
    with pytest.raises(InvalidDefinition) as raised:
        load_campaign_file(tmp_path / "campaign.yaml")
    missing = [line.split(": ")[1] for line in raised.value.problems]
    lacking = ("grain", "solvent", "stirred_first")
    assert missing == [f"{place}.{name}" for place in ("baseline", "start_with.0") for name in lacking]
