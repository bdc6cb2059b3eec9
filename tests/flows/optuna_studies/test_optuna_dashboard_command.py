"""`overnight optuna-dashboard` serves Optuna's dashboard on this machine, and only to its own pages."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import optuna
import pytest
from chromium import MISSING, PROGRAM, chromium
from command_line import command, environment, overnight_here
from dashboards import append
from optuna_ledgers import every_state

from overnight import optuna_storage
from overnight.campaign.errors import CannotStart
from overnight.flows.optuna_studies.opening import require

pytestmark = pytest.mark.slow


@contextmanager
def served(place: Path) -> Iterator[str]:
    """Run the command on a free port until the end of the block, and yield its address."""
    arguments = command("optuna-dashboard", str(place), "--port", "0")
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split(": ", 1)[1].strip()
        yield address.removesuffix("/dashboard/")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 0


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("ledger")
    append(place, "net", every_state())
    return place


@pytest.fixture(scope="module")
def address(ledger: Path) -> Iterator[str]:
    with served(ledger) as found:
        yield found


def test_its_interface_lists_the_campaign_and_its_trials(address):
    [study] = httpx.get(f"{address}/api/studies").json()["study_summaries"]
    assert (study["study_name"], study["directions"]) == ("net", ["minimize"])
    trials = httpx.get(f"{address}/api/studies/{study['study_id']}").json()["trials"]
    states = ["Complete", "Running", "Pruned", "Fail", "Waiting", "Waiting", "Fail", "Complete"]
    assert [trial["state"] for trial in trials] == states
    assert trials[0]["values"] == [0.5]
    assert [trial["constraints"] for trial in (trials[0], trials[7])] == [[-1.0], [0.5]]


@pytest.mark.skipif(PROGRAM is None, reason=MISSING)
def test_its_page_shows_the_campaign(address, tmp_path):
    with chromium(tmp_path) as page:
        page.open(f"{address}/dashboard")
        page.until("document.body.innerText.includes('net')")
        page.open(f"{address}/dashboard/studies/1/trials")
        page.until("document.body.innerText.includes('Trial 0')")


def test_a_change_is_refused_with_the_reason(address):
    answer = httpx.put(f"{address}/api/studies/1/note", json={"body": "x", "version": 1})
    assert answer.status_code == 405
    assert "nothing was written" in answer.json()["reason"]


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_a_request_that_another_site_has_caused_is_refused(address, headers):
    assert httpx.get(f"{address}/api/studies", headers=headers).status_code == 403


def test_studies_of_optunas_own_are_shown_and_may_be_changed(tmp_path):
    study = optuna.create_study(storage=optuna_storage(tmp_path / "a"), study_name="own")
    with served(tmp_path / "a") as found:
        [shown] = httpx.get(f"{found}/api/studies").json()["study_summaries"]
        assert shown["study_name"] == "own"
        note = {"body": "looks good", "version": 1}
        assert httpx.put(f"{found}/api/studies/{shown['study_id']}/note", json=note).status_code == 204
    assert "looks good" in str(study._storage.get_study_system_attrs(study._study_id))


def test_a_place_with_neither_is_an_error(tmp_path):
    done = overnight_here(tmp_path, "optuna-dashboard", str(tmp_path), code=1)
    assert "expected the ledger of a campaign, found none" in done.stderr.replace("\n", " ")


def test_a_missing_library_is_named_with_the_command_that_installs_it():
    with pytest.raises(CannotStart, match=r'optuna-missing: expected it.*pip install "overnight\[optuna\]"'):
        require("optuna_missing")
