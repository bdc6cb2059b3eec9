import re
from datetime import timedelta
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from overnight.bo_core import BayesianProposer, SobolProposer
from overnight.campaign.errors import InvalidDefinition
from overnight.evaluators import CommandEvaluator, PythonEvaluator, SimulatedEvaluator
from overnight.flows.definition.campaign_file import load_campaign_file, read_campaign

VALID = """\
name: tuning
parameters:
  learning_rate:
    kind: float
    low: 0.01
    high: 0.1
  depth: {kind: int, low: 1, high: 9}
  cache:
    kind: categorical
    choices: [off, lru]
minimize: loss
evaluator: objective:evaluate
budget:
  trials: 20
baseline:
  learning_rate: 0.05
  depth: 3
  cache: off
start_with:
  - learning_rate: 0.02
    depth: 4
    cache: lru
"""


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path("campaign.yaml")


def problems_of(path: Path, text: str) -> list[str]:
    path.write_text(text)
    with pytest.raises(InvalidDefinition) as raised:
        load_campaign_file(path)
    return raised.value.problems


@pytest.mark.parametrize(
    ("written", "instead", "problem"),
    [
        ("budget:", "bugdet:", r"campaign.yaml:13: bugdet: expected a known key, .*unknown key `bugdet`; .*`budget`\?"),
        ("parameters:", "params:", r"campaign.yaml:2: params: expected a known key, .*; did you mean `parameters`\?"),
        ("  trials: 20", "  trails: 20", r"campaign.yaml:14: budget.trails: expected one of trials, .*`trials`\?"),
        ("    high: 0.1", "    hihg: 0.1", r"campaign.yaml:6: parameters.learning_rate.hihg: expected .*`high`\?"),
        ("low: 0.01", "low: 0.1", r"campaign.yaml:3: parameters.learning_rate: expected low < high, got 0.1 and 0.1"),
        ("low: 1, high: 9", "low: 9, high: 1", r"campaign.yaml:7: parameters.depth: expected low < high, got 9 and 1"),
        (
            "low: 1, high: 9",
            "low: 0, high: 9, scale: log",
            r"campaign.yaml:7: parameters.depth: expected low > 0 on a log scale, got 0",
        ),
        (
            "low: 1,",
            "low: 1, low: 2,",
            r"campaign.yaml:7: parameters.depth.low: expected this key once, got .* 7 and 7",
        ),
        (
            "minimize: loss",
            "name: x\nminimize: loss",
            r"campaign.yaml:1: name: expected this key once, .* lines 1 and 11",
        ),
        (
            "kind: categorical",
            "kind: choice",
            r"campaign.yaml:9: parameters.cache.kind: expected one of float, int, .*, ordinal, fixed, derived, got",
        ),
        ("    kind: float\n", "", r"campaign.yaml:3: parameters.learning_rate.kind: expected one of .*, got nothing"),
        (
            "[off, lru]",
            "[off, off]",
            r"campaign.yaml:8: parameters.cache: expected distinct choices, got 'off' twice",
        ),
        (
            "[off, lru]",
            "[off]",
            r"campaign.yaml:10: parameters.cache.choices: expected at least 2 items, got \['off'\]",
        ),
        ("[off, lru]", "[off, [a]]", r"campaign.yaml:10: parameters.cache.choices.1: expected .*text, got \['a'\]"),
        ("low: 0.01", "low: tiny", r"campaign.yaml:5: parameters.learning_rate.low: expected a number, got 'tiny'"),
        ("low: 1,", "low: 1.5,", r"campaign.yaml:7: parameters.depth.low: expected a whole number, got 1.5"),
        ("depth: {kind: int, low: 1, high: 9}", "depth: 5", r"campaign.yaml:7: parameters.depth: .*a mapping, got 5"),
        ("trials: 20", "trials: 0", r"campaign.yaml:14: budget.trials: expected 1 or more, got 0"),
        ("minimize: loss", "minimize: ''", r"campaign.yaml:11: minimize: expected text that is not empty, got ''"),
        ("minimize: loss", "maximize: ''", r"campaign.yaml:11: maximize: expected text that is not empty, got ''"),
        (
            "minimize: loss",
            "minimize: loss\nmetrics: [speed, '']",
            r"campaign.yaml:12: metrics.1: expected text that is not empty, got ''",
        ),
        ("  depth: 3", "  depth: 3\n  true: 3", r"campaign.yaml:18: baseline.true: .* the unknown key `true`"),
        ("  depth: 3", "  depth: 3\n  yes: 3", r"campaign.yaml:18: baseline.yes: .* the unknown key `yes`"),
        ("  depth: 3", "  depth: 3\n  0x10: 3", r"campaign.yaml:18: baseline.0x10: .* the unknown key `0x10`"),
        (
            "  depth: 3",
            "  depth: 3\n  1: 3\n  '1': 4",
            r"campaign.yaml:18: baseline.1: expected this key once, got it on lines 18 and 19",
        ),
        (
            "objective:evaluate",
            "{command: []}",
            r"campaign.yaml:12: evaluator.command: expected at least 1 item, got \[\]",
        ),
        ("trials: 20", "trials: ", r"campaign.yaml:14: budget.trials: expected a whole number, got nothing"),
        ("  trials: 20", "  wall_clock: 2h", r"campaign.yaml:13: budget.trials: expected a value, got nothing"),
        (
            "trials: 20",
            "{trials: 20, wall_clock: soon}",
            r"campaign.yaml:14: budget.wall_clock: expected a duration such as 90s, .*, got 'soon'",
        ),
        ("name: tuning", "name: my tuning", r"campaign.yaml:1: name: expected at most 100 of a-z, .*, got 'my tuning'"),
        ("name: tuning", "name: 7", r"campaign.yaml:1: name: expected text, got 7"),
        (
            "minimize: loss",
            "minimize: loss\nmaximize: gain",
            r"campaign.yaml:12: maximize: expected either .*, got .* and",
        ),
        (
            "minimize: loss\n",
            "",
            r"campaign.yaml:1: minimize: expected either `minimize` or `maximize` .*, got none of them",
        ),
        (
            "minimize: loss",
            "minimize: loss\nmetrics: [a, b, a]",
            r"campaign.yaml:12: metrics.2: .* once, got 'a' again",
        ),
        ("objective:evaluate", "evaluate", r"campaign.yaml:12: evaluator: expected `package.module:function`, got 'ev"),
        (
            "objective:evaluate",
            "{kind: docker, image: x}",
            r"campaign.yaml:12: evaluator.kind: expected one of command, python, http, simulated",
        ),
        (
            "objective:evaluate",
            "{time_limit: 9s}",
            r"campaign.yaml:12: evaluator.kind: expected one of .*, got nothing",
        ),
        (
            "objective:evaluate",
            '{command: "a \'b"}',
            r"campaign.yaml:12: evaluator.command: expected .*No closing.*, got ",
        ),
        ("objective:evaluate", "{command: [a, 1]}", r"campaign.yaml:12: evaluator.command.1: expected text, got 1"),
        (
            "budget:",
            "proposer: {kind: bayes}\nbudget:",
            r"campaign.yaml:13: proposer.kind: .*bayesian, python, sobol, got 'bayes'",
        ),
        (
            "budget:",
            "proposer: {kind: bayesian, acquisition: thompson_sampling, cost_aware: true}\nbudget:",
            r"campaign.yaml:13: proposer.cost_aware: .*false with `acquisition: thompson_sampling`, .* got true",
        ),
        ("  learning_rate: 0.05", "  learning_rate: 5", r"campaign.yaml:16: baseline.learning_rate: .*0.1, got 5"),
        (
            "  cache: off",
            "  cache: none",
            r"campaign.yaml:18: baseline.cache: expected one of 'off', 'lru', got 'none'",
        ),
        ("  depth: 3", "  depht: 3", r"campaign.yaml:17: baseline.depht: expected one of .*; did you mean `depth`\?"),
        ("  depth: 3\n", "", r"campaign.yaml:15: baseline.depth: expected a value, got nothing"),
        ("    depth: 4\n", "", r"campaign.yaml:20: start_with.0.depth: expected a value, got nothing"),
        (
            "    depth: 4",
            "    depth: 4.5",
            r"campaign.yaml:21: start_with.0.depth: .*a whole number between 1 and 9, got 4.5",
        ),
        (
            "    depth: 4",
            "    depth: {a: 4}",
            r"campaign.yaml:21: start_with.0.depth: expected .*number.*, got \{'a': 4\}",
        ),
        (
            "budget:",
            "window: 22:00 to 06:00\nbudget:",
            r"campaign.yaml:13: window: expected a window such as `22:00–06:00 Europe/Berlin`, got '22:00 to 06:00'",
        ),
        (
            "budget:",
            "window: 22:00-06:00 Europe/Berlyn\nbudget:",
            r"campaign.yaml:13: window: expected .* zone .*, got 'Europe/Berlyn'; did you mean `Europe/Berlin`\?",
        ),
        (
            "budget:",
            "window:\n  from: 22:00\n  to: 6\n  zone: UTC\nbudget:",
            r"campaign.yaml:15: window.to: expected a time of day such as 22:00, got 6",
        ),
        (
            "budget:",
            "window: {from: 22:00, to: 6:00, zone: UTC, day: [mon]}\nbudget:",
            r"campaign.yaml:13: window.day: expected one of from, to, zone, days, running, .*; did you mean `days`\?",
        ),
        (
            "budget:",
            "window: {from: 22:00, zone: UTC, running: kill}\nbudget:",
            r"campaign.yaml:13: window.(to: expected a value, got nothing|running: expected 'finish' or 'stop', )",
        ),
        ("trials: 20", "{trials: 20, cost: 0}", r"campaign.yaml:14: budget.cost: expected more than 0.0, got 0"),
        (
            "minimize: loss",
            "minimize: loss\napprove: sometimes",
            r"campaign.yaml:12: approve: expected 'never' or 'always', got 'sometimes'",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove: 3",
            r"campaign.yaml:12: approve: expected `never`, `always` or a mapping with `when`, got 3",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove: {when: {}}",
            r"campaign.yaml:12: approve.when: expected at least one of `change`, `predicted` and `cost`, found none",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove:\n  when: {change: 0.1}\n  most: 4",
            r"campaign.yaml:14: approve.most: expected one of when, most_waiting, got the unknown key `most`",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove:\n  when:\n    change: 30%",
            r"campaign.yaml:14: approve.when.change: expected a fraction of each range, or a mapping .*, got '30%'",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove: {when: {change: 30}}",
            r"campaign.yaml:12: approve.when.change: expected less than 1.0, got 30",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove:\n  when:\n    change:\n      depht: 0.1",
            r"campaign.yaml:15: approve.when.change.depht: expected one of learning_rate, depth, cache, .*`depth`\?",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove:\n  when:\n    change:\n      cache: 0.1",
            r"campaign.yaml:15: approve.when.change.cache: expected `any` or a list of its choices, .*, got 0.1",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove:\n  when:\n    change:\n      cache: [lfu]",
            r"campaign.yaml:15: approve.when.change.cache: expected one of 'off', 'lru', got 'lfu'",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove:\n  when:\n    change:\n      depth: [3]",
            r"campaign.yaml:15: approve.when.change.depth: expected a fraction of its range or `any`, got \[3\]",
        ),
        (
            "baseline:\n  learning_rate: 0.05\n  depth: 3\n  cache: off\n",
            "approve:\n  when:\n    change: 0.1\n",
            r"campaign.yaml:17: approve.when.change: expected a `baseline` .*, found a campaign without one",
        ),
        (
            "minimize: loss",
            "minimize: loss\napprove:\n  when:\n    predicted: {worst: 0.1}",
            r"campaign.yaml:14: approve.when.predicted.worst: expected one of worse_than, standard_deviations, ",
        ),
    ],
)
def test_a_problem_names_line_path_expected_and_found(path, written, instead, problem):
    assert VALID.count(written) == 1, "the case must change one thing"
    problems = problems_of(path, VALID.replace(written, instead))
    assert any(re.match(problem, line) for line in problems), problems


def test_every_problem_is_told_at_once_in_the_order_of_the_file(path):
    text = VALID.replace("low: 0.01", "low: 1").replace("trials: 20", "trials: many").replace("name: tuning", "nam: a")
    text += "maximize: gain\nproposer: {kind: grid}\nworkers: -1\nmetrics: [a, a]\nseed: 1\nseed: 2\n"
    found = [line.split(": ")[:2] for line in problems_of(path, text)]
    assert found == [
        ["campaign.yaml:1", "nam"],
        ["campaign.yaml:3", "parameters.learning_rate"],
        ["campaign.yaml:14", "budget.trials"],
        ["campaign.yaml:23", "maximize"],
        ["campaign.yaml:24", "proposer.kind"],
        ["campaign.yaml:25", "workers"],
        ["campaign.yaml:26", "metrics.1"],
        ["campaign.yaml:27", "seed"],
    ]


def test_a_contradiction_is_reported_once_with_its_path_also_if_all_else_is_valid(path):
    text = VALID.replace("  depth: 3", "  depth: 30").replace("minimize: loss", "maximize: loss\nminimize: gain")
    lines = problems_of(path, text)
    assert [line.split(": ")[1] for line in lines] == ["maximize", "baseline.depth"]
    with pytest.raises(InvalidDefinition) as raised:
        read_campaign(YAML(typ="safe").load(text))
    assert sorted(raised.value.problems) == sorted(line.partition(": ")[2] for line in lines)


@pytest.mark.parametrize("part", ["stop_when: {expected_gain_below: 0.5}", "solutions: {count: 3}"])
def test_a_part_that_contradicts_another_one_is_reported_once_as_it_was_written(path, part):
    experiment = "kind: ab_test\narms: 3\ntraffic: {per_batch: 3000}\nminimize: loss\n"
    lines = problems_of(path, VALID.replace("minimize: loss\n", experiment) + part + "\n")
    key, _, value = part.partition(": ")
    [line] = [line for line in lines if f": {key}: " in line]
    assert line.endswith(f"got {YAML(typ='safe').load(value)}")


def test_points_outside_the_space_are_told_beside_other_problems(path):
    text = VALID.replace("trials: 20", "trials: many").replace("  depth: 3", "  depth: 30")
    assert [line.split(": ")[1] for line in problems_of(path, text)] == ["budget.trials", "baseline.depth"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "campaign.yaml: expected a campaign, got an empty file; `overnight init` writes an example"),
        ("# only a comment\n", "campaign.yaml: expected a campaign, got an empty file"),
        ("- name: x\n", "campaign.yaml:1: expected a mapping with keys such as `name`.*, got \\[{'name': 'x'}\\]"),
        ("just text", "campaign.yaml:1: expected a mapping with keys such as `name`.*, got 'just text'"),
        ("\t\tname: x\n", "campaign.yaml:1: expected valid YAML, got an error: "),
        ("name: x\nparameters: [a\n", "campaign.yaml:3: expected valid YAML, got an error: "),
        ("name: x\n---\nname: y\n", "campaign.yaml:2: expected valid YAML, .* found another document"),
        ("name: !env NAME\n", "campaign.yaml:1: expected valid YAML, .*constructor for the tag '!env'"),
        ("name: " + "[" * 5000, "campaign.yaml.*: expected lists and mappings nested at most 64 deep"),
    ],
)
def test_a_file_that_is_no_campaign_at_all_is_refused_in_one_line(path, text, problem):
    [line] = problems_of(path, text)
    assert re.match(problem, line), line


def test_a_file_that_cannot_be_read_is_refused_in_one_line(tmp_path):
    (tmp_path / "latin").write_bytes("name: café".encode("latin-1"))
    for name, found in (("absent", "got no such file"), (".", "got a folder"), ("latin", "that are not UTF-8")):
        with pytest.raises(InvalidDefinition, match=found) as raised:
            load_campaign_file(tmp_path / name)
        assert len(raised.value.problems) == 1


def test_the_file_is_yaml_1_2(path):
    path.write_text(VALID.replace("low: 0.01", "low: 1e-5"))
    parameters = load_campaign_file(path).campaign.parameters.root
    assert parameters["cache"].choices == ("off", "lru")
    assert parameters["learning_rate"].low == 1e-5


def test_the_kind_of_an_evaluator_is_seen_from_what_it_has(path):
    for written, expected in (
        ("objective:evaluate", PythonEvaluator(function="objective:evaluate")),
        ("{function: a.b:c, time_limit: 5m}", PythonEvaluator(function="a.b:c", time_limit=timedelta(minutes=5))),
        ("{command: ./measure.sh --fast}", CommandEvaluator(command=("./measure.sh", "--fast"))),
    ):
        path.write_text(VALID.replace("objective:evaluate", written))
        assert load_campaign_file(path).evaluator == expected.model_copy(update={"folder": Path.cwd()})
    simulated = "{kind: simulated, function: branin}"
    path.write_text(VALID.replace("objective:evaluate", simulated))
    assert load_campaign_file(path).evaluator == SimulatedEvaluator(function="branin")


def test_paths_start_at_the_folder_of_the_file(tmp_path):
    file = tmp_path / "campaign.yaml"
    file.write_text(VALID + "work: /srv/work\n")
    loaded = load_campaign_file(file)
    assert (loaded.ledger, loaded.work, loaded.evaluator.folder) == (f"{tmp_path}/ledger", "/srv/work", tmp_path)
    file.write_text(VALID.replace("objective:evaluate", "{function: a:b, folder: src}") + "ledger: s3://bucket/night\n")
    loaded = load_campaign_file(file)
    assert (loaded.ledger, loaded.work, loaded.evaluator.folder) == (
        "s3://bucket/night",
        f"{tmp_path}/work",
        tmp_path / "src",
    )


def as_mapping() -> dict:
    return YAML(typ="safe", pure=True).load(VALID)


def test_python_users_get_the_same_campaign_and_the_same_problems_without_lines(path):
    path.write_text(VALID)
    from_file, from_mapping = read_campaign(str(path)), read_campaign(as_mapping())
    assert read_campaign(from_mapping) is from_mapping
    assert (from_mapping.campaign, from_mapping.proposer) == (from_file.campaign, BayesianProposer())
    with pytest.raises(InvalidDefinition) as raised:
        read_campaign(as_mapping() | {"workers": 0, "budgets": 1})
    assert [line.partition(": expected")[0] for line in raised.value.problems] == ["workers", "budgets"]
    with pytest.raises(InvalidDefinition, match="expected a path, a mapping or a CampaignFile, got 5"):
        read_campaign(5)  # type: ignore[arg-type]


def test_parts_may_be_objects_already():
    parts = {"evaluator": SimulatedEvaluator(function="levy"), "proposer": SobolProposer()}
    read = read_campaign(as_mapping() | parts)
    assert {"evaluator": read.evaluator, "proposer": read.proposer} == parts


def test_the_settings_for_the_ledger_hold_no_value_of_a_variable_and_no_folder():
    evaluator = {"command": ["true"], "environment": ["TOKEN", "KEY=hunter2"], "folder": "/srv"}
    settings = read_campaign(as_mapping() | {"evaluator": evaluator}).settings()
    assert settings["evaluator"]["environment"] == ["TOKEN", "KEY"]
    assert "folder" not in settings["evaluator"]
    assert settings["proposer"] == BayesianProposer().model_dump(mode="json")


async def test_a_window_in_which_no_first_evaluation_would_fit_is_refused_before_anything_starts():
    evaluator = {"kind": "simulated", "function": "hartmann3", "time_limit": "9h"}
    definition = {
        "name": "night",
        "parameters": {name: {"kind": "float", "low": 0, "high": 1} for name in "abc"},
        "minimize": "loss",
        "evaluator": evaluator,
        "budget": {"trials": 9},
        "window": "22:00–06:00 Europe/Berlin",
    }
    expected = r"evaluator.time_limit: expected at most 8h, the length of the window 22:00–06:00 Europe/Berlin, got 9h"
    with pytest.raises(InvalidDefinition, match=expected):
        await read_campaign(definition).check()
    await read_campaign(definition | {"evaluator": evaluator | {"time_limit": "8h"}}).check()


@pytest.mark.parametrize(
    ("window", "written", "limit"),
    [
        ("22:00–06:00 Europe/Berlin", "", timedelta(hours=4)),
        ("22:00–06:00 Europe/Berlin", ", time_limit: 2h", timedelta(hours=2)),
        ("22:00–21:59 UTC", "", timedelta(hours=11, minutes=59, seconds=30)),
        (None, "", timedelta(days=1)),
    ],
)
async def test_a_time_limit_that_nobody_wrote_is_half_of_the_window_and_a_day_without_one(path, window, written, limit):
    evaluator = f"evaluator: {{command: ['true']{written}}}"
    lines = [evaluator if line.startswith("evaluator:") else line for line in VALID.splitlines()]
    path.write_text("\n".join([*lines, f"window: {window}" if window else ""]))
    file = load_campaign_file(path)
    assert file.evaluator.time_limit == limit
    await file.check()
    assert type(file).model_validate(file.model_dump(mode="json")) == file


@pytest.mark.parametrize(
    ("written", "instead", "where", "number"),
    [
        ("  trials: 20", "  trials: 20\n  wall_clock: 8", "15: budget.wall_clock", "8"),
        ("seed: 0", "failures: {back_off: 2.5}", "23: failures.back_off", "2.5"),
        (": objective:evaluate", ": {function: 'a:b', time_limit: 600}", "12: evaluator.time_limit", "600"),
        ("seed: 0", "proposing: {time_limit: 10}", "23: proposing.time_limit", "10"),
        ("seed: 0", "run_on: {pool: nights, start_within: 3}", "23: run_on.start_within", "3"),
    ],
)
def test_a_duration_in_a_file_says_its_unit(path, written, instead, where, number):
    [problem] = problems_of(path, f"{VALID}seed: 0\n".replace(written, instead))
    expected = f"expected a duration with its unit, such as {number}s, {number}m or {number}h, got {number}"
    assert problem == f"campaign.yaml:{where}: {expected}"


def test_no_pause_at_all_needs_no_unit(path):
    path.write_text(VALID + "failures: {back_off: 0}\n")
    assert load_campaign_file(path).campaign.failures.back_off == timedelta()


def test_a_window_reads_its_own_dump_in_the_whole_file(path):
    path.write_text(VALID + "window: {from: 22:00, to: 6:00, zone: UTC, days: [sat], running: stop}\n")
    file = load_campaign_file(path)
    assert type(file).model_validate(file.model_dump(mode="json")) == file


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            [
                ("depth: {", "caf\u00e9: {"),
                ("  cache:", "  cafe\u0301:"),
                ("    choices: [off, lru]", "    choices: [a, b]"),
            ],
            r"campaign.yaml:8: parameters.cafe\u0301: .* got 'caf\\xe9' and 'cafe\\u0301', which look alike",
        ),
        (
            [("minimize: loss", "minimize: \u00b5s\nconstraints: ['\u03bcs <= 3']")],
            r"campaign.yaml:1: expected names .* got '\\xb5s' and '\\u03bcs', which look alike",
        ),
    ],
    ids=["parameters", "metrics"],
)
def test_names_that_are_one_text_in_two_forms_of_unicode_are_refused(path, changes, problem):
    text = VALID.partition("baseline:")[0]
    for written, instead in changes:
        text = text.replace(written, instead)
    [found] = problems_of(path, text)
    assert re.search(problem, found)


def test_names_that_differ_in_their_looks_are_two_names(path):
    space = (
        "parameters:\n  x2: {kind: float, low: 0, high: 1}\n  x\u00b2: {kind: float, low: 0, high: 1}\nminimize: loss\n"
    )
    path.write_text(f"name: tuning\n{space}evaluator: objective:evaluate\nbudget: {{trials: 20}}\n")
    assert list(load_campaign_file(path).campaign.parameters.root) == ["x2", "x\u00b2"]
