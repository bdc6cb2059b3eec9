"""Files beyond the size or the meaning of any campaign are refused at once, with the line and a remedy."""

import os
from pathlib import Path

import pytest

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.definition.campaign_file import load_campaign_file

PLAIN = """name: x
parameters:
  a: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: obj:evaluate
budget: {trials: 5}
"""
SETTINGS = PLAIN + "proposer:\n  kind: python\n  implementation: m:C\n  settings:\n"


def grown(first: str, each: str, levels: int = 20) -> str:
    """Return settings in which every level refers to the one before nine times."""
    nine = [",".join([f"*a{i - 1}"] * 9) for i in range(levels)]
    return (
        SETTINGS + f"    a0: &a0 {first}\n" + "".join(f"    a{i}: &a{i} {each % nine[i]}\n" for i in range(1, levels))
    )


def problem_of(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidDefinition) as refused:
        load_campaign_file(path)
    return refused.value.problems[0].removeprefix(str(path))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "campaign.yaml"


@pytest.mark.parametrize(
    "text",
    [
        grown("[1, 2]", "[%s]"),
        grown("{x: 1}", "{k: [%s]}"),
        grown("{x: 1}", "{<<: [%s], y: 1}"),
        grown("[1, 2]", "[%s]").replace(SETTINGS, PLAIN + "start_with:\n").replace("    a", "  - a"),
        "description: &a0 [1, 2]\n" + "".join(f"k{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 60)),
    ],
    ids=["lists", "mappings", "merge keys", "start_with", "top level"],
)
def test_a_few_lines_that_stand_for_billions_of_values_are_refused_at_the_line(path: Path, text: str):
    problem = problem_of(path, text)
    assert "expected at most 200,000 values, got" in problem
    assert "write the values out" in problem
    assert problem.partition(": ")[0][1:].isdecimal()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SETTINGS + "    &s {a: *s}\n", ":11: expected an alias of another part"),
        (
            SETTINGS + "    a: " + "[" * 70 + "]" * 70 + "\n",
            ":11: expected lists and mappings nested at most 64",
        ),
        (PLAIN.replace("high: 1}", "high: " + "9" * 5000 + "}"), ":3: expected a number of at most 300 digits"),
        (PLAIN.replace("trials: 5", "trials: " + "9" * 30), ":6: budget.trials: expected 1000000000 or less"),
        (PLAIN.replace("high: 1}", "high: 1e999}"), ":3: parameters.a.high: expected a finite number, got inf"),
        (SETTINGS + "    {a: [1, .nan]}\n", ":10: proposer.settings: expected finite numbers, got nan"),
        (
            PLAIN + "description: !!binary aGVsbG8=\n",
            ":7: expected text or a number, got a value with the tag `!!binary`",
        ),
        (PLAIN + "metrics: !!set {b, c}\n", ":7: expected plain lists and mappings, got one with the tag `!!set`"),
        (PLAIN + "description: !!python/object/apply:os.abort []\n", ":7: expected valid YAML, got an error"),
        (PLAIN + "description: 2026-13-45\n", ":7: expected a date that exists, or text in quotes"),
        (PLAIN + 'description: "\\ud800"\n', ":7: expected text, got half of a character"),
        (PLAIN + "description: a\x00b\n", ": expected valid YAML, got an error: unacceptable character"),
        (PLAIN.encode() + b"description: gr\xf6\xdfe\n", ": expected a campaign file, got bytes that are not UTF-8"),
        (PLAIN + "name: y\n", ":1: name: expected this key once, got it on lines 1 and 7"),
        (PLAIN + "\tseed: 1\n", ":7: expected valid YAML, got an error"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_line_that_names_its_place(path: Path, text: str | bytes, expected: str):
    assert problem_of(path, text).startswith(expected)


def test_dates_as_choices_are_asked_to_be_text_and_no_and_off_are(path: Path):
    choices = PLAIN.replace("{kind: float, low: 0, high: 1}", "{kind: categorical, choices: [%s]}")
    assert "got the date 2026-01-01 (in quotes it is text)" in problem_of(path, choices % "2026-01-01, 2026-01-02")
    path.write_text(choices % "no, off, yes, on, y, n")
    assert load_campaign_file(path).campaign.parameters.root["a"].choices == ("no", "off", "yes", "on", "y", "n")


def test_a_huge_file_is_not_read_to_its_end(path: Path):
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(InvalidDefinition, match="more than 2 MiB"):
        load_campaign_file(path)
    with pytest.raises(InvalidDefinition, match="more than 2 MiB"):
        load_campaign_file("/dev/zero")


def test_aliases_and_merge_keys_of_ordinary_size_are_read(path: Path):
    aliases = "".join(f"  b{i}: *p\n" for i in range(50)) + "  c: {<<: *p, high: 2}\n"
    path.write_text("\ufeff" + PLAIN.replace("a: {", "a: &p {").replace("minimize", aliases + "minimize"))
    parameters = load_campaign_file(path).campaign.parameters.root
    assert len(parameters) == 52
    assert parameters["c"].high == 2.0


def test_of_a_thousand_problems_the_first_hundred_are_shown(path: Path):
    path.write_text(PLAIN + "".join(f"k{i}: 1\n" for i in range(150)))
    with pytest.raises(InvalidDefinition) as refused:
        load_campaign_file(path)
    assert len(refused.value.problems) == 101
    assert refused.value.problems[-1].endswith("and 50 more")
