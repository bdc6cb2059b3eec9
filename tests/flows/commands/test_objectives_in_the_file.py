"""Several objectives in a campaign's file: bad ones are refused with their path, good ones accepted."""

from pathlib import Path

import pytest
from command_line import overnight_here

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.definition.campaign_file import load_campaign_file

FILE = """\
name: tuned
parameters:
  x: {kind: float, low: 0, high: 1}
evaluator: {kind: command, command: ["true"]}
proposer: {kind: sobol}
budget: {trials: 9}
"""
TWO = "objectives: [{minimize: kb, worst: 400}, {maximize: vmaf}]\n"
FORMS = "`{minimize: latency_ms}` or `{maximize: accuracy, worst: 0.8}`"
WAYS = "expected either `minimize` or `maximize` with the name of a metric, or a `target`, or `objectives`, got"
KEYS = "expected one of minimize, maximize, target, worst, got the unknown key"
ONE_LINE = "expected a metric on one line, without spaces around it (in YAML, write `>-` instead of `>` or `|`)"
REFUSED = {
    "": f"1: minimize: {WAYS} none of them",
    "objectives: []": f"1: minimize: {WAYS} none of them",
    "objectives: 3": "7: objectives: expected a list, got 3",
    "objectives: {minimize: kb}": "7: objectives: expected a list, got {'minimize': 'kb'}",
    "minimize: |\n  kb\n": f"7: minimize: {ONE_LINE}, got 'kb\\n'",
    "maximize: >\n  kb +\n  vmaf\n": f"7: maximize: {ONE_LINE}, got 'kb + vmaf\\n'",
    "target:\n  value: 60\n  metric: >\n    gain\n": f"7: target: {ONE_LINE}, got 'abs(gain\\n - 60)'",
    'objectives: [{minimize: kb}, {maximize: "vmaf "}]': f"7: objectives.1: {ONE_LINE}, got 'vmaf '",
    "minimize: [kb, vmaf]": "7: minimize: expected text, got ['kb', 'vmaf']",
    "objectives:\n  - minimize: kb": (
        "7: objectives: expected 2 to 6 objectives, got 1; write `minimize` or `maximize` for a single one"
    ),
    "objectives:" + "".join(f"\n  - minimize: m{i}" for i in range(7)): (
        "7: objectives: expected 2 to 6 objectives, got 7"
    ),
    f"minimize: kb\n{TWO}": f"8: objectives: {WAYS} `minimize` and `objectives`",
    f"{TWO}maximize: vmaf": f"7: objectives: {WAYS} `maximize` and `objectives`",
    "objectives:\n  - minimize: kb\n  - maximize vmaf": (
        f"9: objectives.1: expected a mapping such as {FORMS}, got 'maximize vmaf'"
    ),
    "objectives:\n  - minimize: kb\n  - minimise: mb": (
        f"9: objectives.1: {KEYS} `minimise`; did you mean `minimize`?"
    ),
    "objectives:\n  - {minimize: kb, weight: 2}\n  - maximize: vmaf": f"8: objectives.0: {KEYS} `weight`",
    "objectives:\n  - minimize: kb\n  - maximize: kb": "9: objectives.1: expected each metric once, got 'kb' again",
    "objectives:\n  - {minimize: kb, maximize: mb}\n  - maximize: vmaf": (
        "8: objectives.0: expected either `minimize` or `maximize` with the name of a metric, or a `target`, got "
        "`minimize` and `maximize`"
    ),
    "objectives:\n  - minimize: kb\n  - worst: 3": (
        "9: objectives.1: expected either `minimize` or `maximize` with the name of a metric, or a `target`, got "
        "none of them"
    ),
    "objectives:\n  - minimize: 3\n  - maximize: vmaf": (
        "8: objectives.0: expected the name of a metric after `minimize`, got 3"
    ),
    "objectives:\n  - {minimize: kb, worst: '400'}\n  - maximize: vmaf": (
        "8: objectives.0.worst: expected a number, got '400'"
    ),
    "objectives:\n  - {minimize: kb, worst: .inf}\n  - maximize: vmaf": (
        "8: objectives.0.worst: expected a finite number, got inf"
    ),
    "minimize: kb\nprefer:\n  - kb <= 3": (
        "8: prefer: expected several `objectives`, between which it chooses, found one objective"
    ),
    f"{TWO}prefer: vmaf >= 95": "8: prefer: expected a list, got 'vmaf >= 95'",
    f"{TWO}prefer:\n  - psnr >= 95": "9: prefer.0: expected the metric of an objective, such as 'kb', got 'psnr'",
    f"{TWO}prefer:\n  - vmaf > 95": "9: prefer.0: expected `<=` or `>=`, got `>` in 'vmaf > 95'; write `>=`",
    f"{TWO}prefer:\n  - vmaf >= baseline": (
        "9: prefer.0: expected a `baseline`, to which `vmaf >= baseline` is relative, found none"
    ),
    f"{TWO}prefer:\n  - vmaf >= 95\n  - vmaf <= 90": (
        "10: prefer.1: expected a lower bound of `vmaf` below its upper bound, got 95 and 90"
    ),
    f"{TWO}stop_early: {{rule: median}}": (
        "8: stop_early.rule: expected `rule: improbable` with several `objectives`, because the other rules compare a "
        "single metric, got 'median'"
    ),
    f"{TWO}confirm: 3": (
        "8: confirm: expected `auto` or `never` with several `objectives`, which have no single best point to confirm, "
        "got 3"
    ),
    f"{TWO}approve: {{when: {{predicted: {{worse_than: 3}}}}}}": (
        "8: approve.when.predicted: expected no `predicted` with several `objectives`, because it limits a single one, "
        "found one"
    ),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "campaign.yaml"


@pytest.mark.parametrize("written", REFUSED)
def test_bad_objectives_are_refused_with_their_path_in_the_file(file: Path, written: str):
    file.write_text(FILE + written + "\n")
    with pytest.raises(InvalidDefinition) as refused:
        load_campaign_file(file)
    assert [line.removeprefix(f"{file}:") for line in refused.value.problems] == [REFUSED[written]]


def test_the_command_refuses_them_alike(file: Path):
    written = "objectives:\n  - minimize: kb\n  - maximize: kb\n"
    file.write_text(FILE + written)
    done = overnight_here(file.parent, "check", code=2)
    assert done.stderr.splitlines() == [f"campaign.yaml:{REFUSED[written.rstrip()]}"]
    assert done.stdout == ""


def test_objectives_and_preferences_are_accepted_and_described(file: Path):
    preferred = "prefer: [vmaf >= 95, kb <= 0.5 * baseline]\nbaseline: {x: 0.5}\nconfirm: auto\n"
    file.write_text(FILE + TWO + preferred)
    printed = overnight_here(file.parent, "check").stdout
    assert "minimize kb (worst 400), maximize vmaf" in printed
    assert "the best in kb of those that probably meet vmaf >= 95, kb <= 0.5 * baseline" in printed
    assert "campaign.yaml is valid" in printed
    goal = load_campaign_file(file).campaign.goal
    assert [str(objective) for objective in goal.objectives] == ["minimize kb", "maximize vmaf"]


def test_an_evaluator_that_returns_one_number_is_refused_with_the_objective_that_it_lacks(file: Path):
    (file.parent / "judge.py").write_text("def judge(params: dict) -> tuple[float, float]:\n    return 1.0, 2.0\n")
    file.write_text(FILE.replace('{kind: command, command: ["true"]}', "judge:judge") + TWO)
    done = overnight_here(file.parent, "check", code=2)
    assert done.stderr.splitlines() == [
        "campaign.yaml:7: objectives: expected one of the metrics that the evaluator returns (`kb`), found `vmaf`"
    ]


def test_a_simulated_evaluator_has_one_objective(file: Path):
    file.write_text(FILE.replace('{kind: command, command: ["true"]}', "{kind: simulated, function: ackley}") + TWO)
    done = overnight_here(file.parent, "check", code=2)
    assert done.stderr.splitlines() == [
        "campaign.yaml:7: objectives: expected one of the metrics that the evaluator returns (`kb`), found `vmaf`"
    ]
