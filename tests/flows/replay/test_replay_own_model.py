"""Proposals of a campaign's own gpytorch model are replayed, unless its code has changed."""

import asyncio
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from overnight.campaign.errors import InvalidDefinition
from overnight.campaign.history.events import Event
from overnight.flows.api.ask_tell import AskTell
from overnight.flows.cli import app
from overnight.flows.definition.campaign_file import load_campaign_file
from overnight.flows.replay.again import Replayed, replay
from overnight.storage import open_ledger

pytestmark = pytest.mark.slow

MODULE = "own_model_of_a_campaign"
SOURCE = """
from gpytorch.distributions import MultivariateNormal
from gpytorch.kernels import PeriodicKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.means import ConstantMean
from gpytorch.models import ExactGP


class Periodic(ExactGP):
    def __init__(self, X, y):
        super().__init__(X, y, GaussianLikelihood())
        self.mean_module, self.covar_module = ConstantMean(), ScaleKernel(PeriodicKernel())

    def forward(self, X):
        return MultivariateNormal(self.mean_module(X), self.covar_module(X))


def periodic(X, y):
    return Periodic(X, y)
"""
CAMPAIGN = {
    "name": "own-model",
    "parameters": {"angle": {"kind": "float", "low": 0, "high": 360}},
    "maximize": "power",
    "evaluator": {"kind": "command", "command": ["true"]},
    "budget": {"trials": 9},
    "proposer": {"kind": "bayesian", "initial": 3, "surrogate": {"kind": "gpytorch", "model": f"{MODULE}:periodic"}},
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a campaign with the model of `SOURCE`."""
    folder = tmp_path_factory.mktemp("own-model")
    write(folder, SOURCE)
    file = folder / "campaign.yaml"
    file.write_text(json.dumps(CAMPAIGN | {"ledger": str(folder / "ledger")}))
    campaign = AskTell(file)
    for _ in range(6):
        trial = campaign.ask()
        campaign.tell(trial, 1 - abs(trial.point["angle"] - 350) / 360)
    return folder


@pytest.fixture(scope="module")
def events(finished: Path) -> Sequence[Event]:
    """Return the events of that campaign."""
    segments = asyncio.run(open_ledger(str(finished / "ledger"), "own-model", finished).read())
    return [event for segment in segments for event in segment.events]


def write(folder: Path, source: str) -> None:
    """Write the module, and let this process import it afresh, as another process would."""
    (folder / f"{MODULE}.py").write_text(source)
    sys.modules.pop(MODULE, None)
    importlib.invalidate_caches()


def verdicts(events: Sequence[Event], folder: Path) -> list[Replayed]:
    return [found for found in replay(events, folder) if found.trial > 3]


def test_proposals_of_the_same_code_are_the_same(events: Sequence[Event], tmp_path: Path) -> None:
    write(tmp_path, SOURCE)
    assert [found.verdict for found in verdicts(events, tmp_path)] == ["same"] * 3


def test_changed_code_is_found_even_if_it_proposes_the_same(events: Sequence[Event], tmp_path: Path) -> None:
    write(tmp_path, SOURCE + "\n# Another line.\n")
    found = verdicts(events, tmp_path)
    assert {each.verdict for each in found} == {"different"}
    assert all("code" in each.why for each in found)


def test_missing_code_is_named(events: Sequence[Event], tmp_path: Path) -> None:
    sys.modules.pop(MODULE, None)
    importlib.invalidate_caches()
    found = verdicts(events, tmp_path)
    assert {each.verdict for each in found} == {"different"}
    assert all(f"expected to import `{MODULE}`" in each.why for each in found)


def test_a_trial_is_explained_with_the_model_that_proposed_it(finished: Path) -> None:
    write(finished, SOURCE)
    found = CliRunner().invoke(app, ["explain", "5", str(finished / "campaign.yaml")])
    assert found.exit_code == 0, found.output
    assert f"from the campaign's own function {MODULE}:periodic" in found.output


def test_the_check_refuses_a_function_that_cannot_be_used(tmp_path: Path) -> None:
    write(tmp_path, SOURCE.replace("return Periodic(X, y)", "return None"))
    file = tmp_path / "campaign.yaml"
    file.write_text(json.dumps(CAMPAIGN | {"ledger": str(tmp_path / "ledger")}))
    with pytest.raises(
        InvalidDefinition, match=f"expected a gpytorch `ExactGP`.* from `{MODULE}:periodic`, found NoneType"
    ):
        asyncio.run(load_campaign_file(file).check())
