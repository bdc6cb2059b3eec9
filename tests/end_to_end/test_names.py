"""Names with spaces, quotes, markup, paths and line breaks, from the campaign's file to the report and back."""

import csv
import json
import os
import sys
from io import StringIO
from pathlib import Path

import polars
import pytest
from command_line import overnight, overnight_here

PARAMETERS = {
    "two words": {"kind": "float", "low": 0, "high": 1},
    'it\'s "quoted"': {"kind": "int", "low": 1, "high": 9},
    "a.b": {"kind": "float", "low": 0.1, "high": 10, "scale": "log"},
    "../../up": {"kind": "float", "low": 0, "high": 1},
    "<b onclick='x'>&amp;": {
        "kind": "categorical",
        "choices": ["<i>", "a\nb", "../x", "ü ☃", "'; drop table trials; --"],
    },
    "line\nbreak\t": {"kind": "float", "low": 0, "high": 1},
    "größe ☃ [red]{x}%s$.point\\": {"kind": "float", "low": 0, "high": 1},
}
LOSS, OTHER = 'loss, in "%" </script><b>', "../ü\nother"
# The formula of both evaluators, and the program around it for a command.
FORMULA = """
def evaluate(params):
    return {LOSS: params["two words"] + params["a.b"], OTHER: params["line\\nbreak\\t"]}
"""
PROGRAM = """
import json, os
request = json.load(open(os.environ["EVAL_REQUEST"]))
json.dump({"metrics": evaluate(request["parameters"])}, open(os.environ["EVAL_RESULT"], "w"))
"""


def write_campaign(folder: Path, ledger: str, evaluator: str, trials: int) -> None:
    names = f"LOSS, OTHER = {LOSS!r}, {OTHER!r}\n"
    (folder / "objective.py").write_text(names + FORMULA)
    (folder / "pro gram.py").write_text(names + FORMULA + PROGRAM)
    chosen: object = "objective:evaluate"
    if evaluator == "command":
        chosen = {"kind": "command", "command": [sys.executable, "pro gram.py"]}
    campaign = {
        "name": "bread",
        "parameters": PARAMETERS,
        "minimize": LOSS,
        "metrics": [OTHER],
        "evaluator": chosen,
        "budget": {"trials": trials},
        "proposer": {"kind": "bayesian", "initial": 3},
        "workers": 2,
        "ledger": ledger,
    }
    (folder / "cam paign.yaml").write_text(json.dumps(campaign))


@pytest.mark.long
@pytest.mark.slow
def test_names_of_any_kind_go_through_both_evaluators_from_the_file_to_the_report(tmp_path, server):
    folder = tmp_path / "pre fix" / "ünïcode 'x' [b]"
    folder.mkdir(parents=True)
    ledger, file = "./led ger", "cam paign.yaml"
    variables = {**os.environ, **server.environment}
    write_campaign(folder, ledger, "python", 3)
    assert "is valid" in overnight_here(folder, "check", file).stdout
    assert "bread: finished" in overnight(folder, "run", file, variables=variables).stdout
    write_campaign(folder, ledger, "command", 6)
    assert "bread: finished" in overnight(folder, "run", file, variables=variables).stdout
    assert "bread: finished" in overnight_here(folder, "status", file).stdout
    assert overnight_here(folder, "verify", file).stdout.startswith("whole: ")
    assert "6 same" in overnight_here(folder, "replay", file).stdout
    assert "two words" in overnight_here(folder, "explain", "5", file).stdout
    assert "bread" in overnight_here(folder, "campaigns", ledger).stdout

    rows = json.loads(overnight_here(folder, "trials", file, "--format", "json").stdout)
    assert [row["trial"] for row in rows] == list(range(1, 7))
    for row in rows:
        assert row[LOSS] == row["two words"] + row["a.b"]
        assert row[OTHER] == row["line\nbreak\t"]
        assert row["<b onclick='x'>&amp;"] in PARAMETERS["<b onclick='x'>&amp;"]["choices"]
    wanted = ["trial", LOSS, OTHER, *PARAMETERS]
    texts = list(csv.DictReader(StringIO(overnight_here(folder, "trials", file, "--format", "csv").stdout, newline="")))
    assert [[text[name] for name in wanted] for text in texts] == [[str(row[name]) for name in wanted] for row in rows]
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in wanted)
    asked = overnight_here(folder, "query", f"select {columns} from trials", file, "--format", "json").stdout
    assert json.loads(asked) == [{name: row[name] for name in wanted} for row in rows]

    for output in ("tri als ü.parquet", "tri als ü.csv"):
        overnight_here(folder, "export", output, file)
    exported = polars.read_parquet(folder / "tri als ü.parquet", glob=False).select(wanted)
    assert exported.to_dicts() == json.loads(asked)
    with (folder / "tri als ü.csv").open(newline="", encoding="utf-8") as lines:
        read = [[line[name] for name in wanted] for line in csv.DictReader(lines)]
    assert read == [[str(row[name]) for name in wanted] for row in rows]

    page = (folder / "bread-report.html").read_text()
    for name in ("<b onclick", "<i>", "</script><b>"):
        assert name not in page
    assert "&lt;b onclick=&#39;x&#39;&gt;&amp;amp;" in page
    assert {path.name for path in tmp_path.iterdir()} == {"pre fix"}


@pytest.mark.parametrize(
    "name", ["two words", "ünïcode", "../up", "a/b", ".hidden", "", "x" * 101, "bread\n", "-a", "a\\b", "s3://b"]
)
def test_a_campaign_whose_name_cannot_be_a_folder_everywhere_is_refused_in_words(tmp_path, name):
    write_campaign(tmp_path, "./ledger", "python", 3)
    file = tmp_path / "cam paign.yaml"
    file.write_text(file.read_text().replace('"bread"', json.dumps(name)))
    said = overnight_here(tmp_path, "run", "cam paign.yaml", code=2).stderr
    assert "cam paign.yaml:1: name: expected at most 100 of a-z, A-Z, 0-9, `.`, `_` and `-`" in said
    assert "^" not in said
    assert not (tmp_path / "ledger").exists()
