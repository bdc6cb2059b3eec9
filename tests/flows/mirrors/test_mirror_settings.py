"""The `mirror` key of a campaign file, the names that a tracker accepts, and the command."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import overnight_here
from hypothesis import given
from hypothesis import strategies as st
from told_stories import Story
from tracking_server import TrackingServer, tracking_server

from overnight.campaign.errors import InvalidDefinition
from overnight.flows.definition.campaign_file import CampaignFile, load_campaign_file, read_campaign
from overnight.flows.mirrors.mlflow_server import MirrorProblem, MlflowServer
from overnight.flows.mirrors.names import accepted_names
from overnight.storage import open_ledger

FILE = """name: rates
parameters:
  rate: {kind: float, low: 0.0001, high: 1, scale: log}
minimize: loss
evaluator: obj:evaluate
budget: {trials: 1000}
"""


@pytest.fixture
def server() -> Iterator[TrackingServer]:
    with tracking_server() as running:
        yield running


def file_with(mirror: Any) -> CampaignFile:
    asked = {"name": "c", "parameters": {"x": {"kind": "float", "low": 0, "high": 1}}, "minimize": "loss"}
    more = {} if mirror is None else {"mirror": mirror}
    return read_campaign({**asked, "evaluator": "math:sin", "budget": {"trials": 5}, **more})


def test_a_mirror_is_part_of_the_file_and_not_of_the_campaign():
    with_mirror = file_with({"mlflow": "http://tracker:5000/"})
    assert with_mirror.mirror is not None
    assert with_mirror.mirror.mlflow == "http://tracker:5000"
    assert with_mirror.campaign == file_with(None).campaign
    assert with_mirror.settings() == file_with(None).settings()
    assert CampaignFile.model_validate(with_mirror.model_dump(mode="json")) == with_mirror


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("sqlite:///mlflow.db", "mlflow server --backend-store-uri sqlite:///mlflow.db"),
        ("./mlruns", "expected the address of an MLflow tracking server"),
        ("http://", "expected the address"),
        ("http://tracker:99999", "expected the address"),
        ("http://tracker:5000/?a=b", "without `?`"),
        ("databricks", "expected the address"),
        ("http://tracker:5000\n", "a space or a line break"),
        (" http://tracker:5000", "a space or a line break"),
    ],
)
def test_another_address_is_refused_with_what_to_write(address: str, expected: str):
    with pytest.raises(InvalidDefinition, match=re.escape(expected)) as refused:
        file_with({"mlflow": address})
    assert str(refused.value.problems[0]).startswith("mirror.mlflow")


def test_a_password_in_the_address_is_refused_and_not_repeated(tmp_path: Path):
    path = tmp_path / "campaign.yaml"
    path.write_text(f"{FILE}mirror: {{mlflow: 'https://ada:sesame-17@tracker'}}\n")
    with pytest.raises(InvalidDefinition, match="MLFLOW_TRACKING_PASSWORD") as refused:
        load_campaign_file(path)
    assert "sesame-17" not in str(refused.value)


@pytest.mark.parametrize(
    "mirror", ["http://ada:sesame-17@h:1", {"mlflow": "ada:sesame-17@h:1"}, {"mlflow": "http:/ada:sesame-17@h:1"}]
)
def test_an_address_in_the_wrong_place_is_refused_and_not_repeated(mirror: object):
    with pytest.raises(InvalidDefinition, match="mirror") as refused:
        file_with(mirror)
    assert "sesame" not in str(refused.value)


def test_a_token_that_no_request_can_carry_is_a_problem_of_the_mirror(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t\u00f6k\u00e9n")
    with pytest.raises(MirrorProblem, match="no connection can be prepared") as refused:
        MlflowServer("http://tracker:5000", "rates")
    assert "k\u00e9n" not in str(refused.value)


# Short names of few characters are often folders of each other.
@given(st.lists(st.text(min_size=1, max_size=300) | st.text("ab/", min_size=1, max_size=5), unique=True, max_size=8))
def test_accepted_names_are_valid_and_different_and_do_not_depend_on_later_ones(names: list[str]):
    found = accepted_names((name, name) for name in names)
    assert len(set(found.values())) == len(names)
    for name in found.values():
        assert re.fullmatch(r"[/\w.\- ]{1,250}", name)
        parts = name.split("/")
        assert "" not in parts
        assert not {".", ".."} & {*parts}
        assert not any(other.startswith(f"{name}/") for other in found.values())
    before = names[: len(names) // 2]
    assert accepted_names((name, name) for name in before) == {name: found[name] for name in before}


def test_a_plain_name_stays_as_it_is():
    names = ["loss", "p99_ms", "train/loss", "batch-size", "größe", "a.b", "two words"]
    assert accepted_names((name, name) for name in names) == {name: name for name in names}
    assert accepted_names([(1, "a"), (2, "a/b"), (3, "c/d/e"), (4, "c/d")]) == {
        1: "a",
        2: "a_b",
        3: "c/d/e",
        4: "c/d_2",
    }
    assert accepted_names([(1, "a|b"), (2, "a:b"), (3, "a_b")]) == {1: "a_b", 2: "a_b_2", 3: "a_b_3"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "campaign.yaml").write_text(FILE)
    told = Story().tried(1, 0, 1.5, 0.1).tried(2, 1, 1.25, 0.1).finished(4)
    asyncio.run(open_ledger("ledger", "rates", tmp_path).append(told.events, after=0))
    return tmp_path


def test_the_command_writes_a_finished_campaign_and_nothing_twice(folder: Path, server: TrackingServer):
    asked = ("mirror", "ledger/rates", "--mlflow", server.address)
    page = f"{server.address}/#/experiments/1"
    assert f"mirror: 2 trials at {page}, 2 of them written now" in overnight_here(folder, *asked).stdout
    assert f"mirror: 2 trials at {page}, 0 of them written now" in overnight_here(folder, *asked).stdout
    assert len(server.runs) == 3
    [report] = server.artifacts.values()
    assert report.startswith("<!doctype html>")
    assert [*server.experiments] == ["rates"]


def test_the_command_reads_the_server_and_the_experiment_from_the_file(folder: Path, server: TrackingServer):
    (folder / "campaign.yaml").write_text(f"{FILE}mirror: {{mlflow: '{server.address}', experiment: nights}}\n")
    assert "2 of them written now" in overnight_here(folder, "mirror").stdout
    assert [*server.experiments] == ["nights"]


def test_the_command_without_a_server_says_how_to_name_one(folder: Path):
    failed = overnight_here(folder, "mirror", code=1)
    assert "--mlflow http://127.0.0.1:5000" in failed.stderr
    refused = overnight_here(folder, "mirror", "--mlflow", "sqlite:///x.db", code=1)
    assert "mlflow server --backend-store-uri sqlite:///x.db" in refused.stderr


def test_a_server_that_is_down_ends_the_command_with_one_paragraph(folder: Path):
    failed = overnight_here(folder, "mirror", "--mlflow", "http://127.0.0.1:1", code=1)
    assert "http://127.0.0.1:1: ConnectError" in failed.stderr
    assert "Traceback" not in failed.stderr
