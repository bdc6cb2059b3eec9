import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import CAMPAIGN, OBJECTIVE, command, environment, overnight, overnight_here

# Files next to a campaign with the names of our modules, of the standard library's, and of libraries.
NAMESAKES = (
    *("campaign", "report", "storage", "flows", "bo_core", "evaluators", "overnight"),
    *("types", "json", "logging", "random", "select", "prefect", "torch", "numpy"),
)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "campaign.yaml").write_text(CAMPAIGN)
    (folder / "objective.py").write_text(OBJECTIVE)
    for namesake in NAMESAKES:
        (folder / f"{namesake}.py").write_text("x = 1  # a script of the user's\n")
    overnight(folder, "run", "campaign.yaml")
    return folder


@pytest.mark.slow
def test_run_ends_with_the_finding_and_where_everything_lies(campaign):
    again = overnight(campaign, "run", "campaign.yaml").stdout
    assert "recommended (" in again
    assert "baseline: loss" in again
    assert str(campaign / "small-report.html") in again
    assert str(campaign / "ledger" / "small") in again


@pytest.mark.slow
def test_trials_are_listed_for_people_and_for_programs(campaign):
    rows = json.loads(overnight_here(campaign, "trials", "--format", "json").stdout)
    assert [row["trial"] for row in rows] == list(range(1, 13))
    assert rows[0]["generator"] == "baseline"
    broken = [row for row in rows if row["mode"] == "broken"]
    assert {row["status"] for row in broken} <= {"failed"}
    assert all(row["steps"] == 5 for row in rows if row["status"] == "observed")
    csv = overnight_here(campaign, "trials", "--format", "csv").stdout.splitlines()
    assert len(csv) == 13
    assert "mode=slow" in overnight_here(campaign, "trials").stdout


@pytest.mark.slow
def test_the_ledger_is_whole_and_its_proposals_are_made_again(campaign):
    verified = overnight_here(campaign, "verify").stdout
    assert verified.startswith("whole: ")
    head = verified.split("head: ")[1].split()[0]
    assert head in (campaign / "small-report.html").read_text()
    *_, recommended, counts = overnight_here(campaign, "replay").stdout.splitlines()
    assert (recommended.startswith("recommendation after "), recommended.endswith(" events same")) == (True, True)
    assert counts == "12 same"
    counted = overnight_here(campaign, "query", "select count(*) as n from trials", "--format", "csv").stdout
    assert counted == "n\n12\n"


@pytest.mark.slow
def test_a_run_leaves_receipts_that_the_ledger_agrees_with(campaign):
    kept = campaign / "kept.jsonl"
    before = kept.read_text()
    verified = overnight_here(campaign, "verify").stdout
    assert f"receipts: {len(before.splitlines())} agree up to segment" in verified
    assert "loose: nothing" in verified
    assert kept.read_text() == before


@pytest.mark.slow
def test_receipts_that_cannot_be_written_are_told_once_while_the_campaign_goes_on(tmp_path, server):
    text = CAMPAIGN.replace("trials: 12", "trials: 2").replace("kept.jsonl", "kept/receipts.jsonl")
    (tmp_path / "campaign.yaml").write_text(text)
    (tmp_path / "objective.py").write_text(
        OBJECTIVE.replace("    while", "    __import__('shutil').rmtree('kept', True)\n    while")
    )
    assert "no folder" in overnight_here(tmp_path, "run", code=2).stderr
    (tmp_path / "kept").mkdir()
    said = overnight(tmp_path, "run", variables=server.environment).stdout
    assert said.count("cannot be written") == 1
    assert "The campaign continues" in said
    assert "small: finished" in said


@pytest.mark.slow
def test_status_says_that_it_is_finished(campaign):
    assert "small: finished" in overnight_here(campaign, "status").stdout


@pytest.mark.slow
@pytest.mark.parametrize("asked_by", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_drains_and_the_next_run_goes_on(tmp_path, asked_by, server):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN.replace("trials: 12", "trials: 5"))
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    (tmp_path / "hold").touch()
    with subprocess.Popen(
        command("run"),
        cwd=tmp_path,
        env=server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        deadline = time.monotonic() + 120
        while sum(1 for _ in tmp_path.rglob("claim.json")) < 2:
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        running.send_signal(asked_by)
        assert running.stdout is not None
        assert any("draining" in line for line in running.stdout)
        (tmp_path / "hold").unlink()
        running.stdout.read()
        assert running.wait(120) == 0
    rows = json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)
    assert 1 <= len(rows) <= 3
    assert all(row["status"] in ("observed", "failed") for row in rows)
    overnight(tmp_path, "run", variables=server.environment)
    assert len(json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)) == 5


@pytest.mark.slow
def test_a_second_campaign_in_one_process_is_refused_in_words(tmp_path):
    for name in ("first", "second"):
        text = CAMPAIGN.replace("small", name).replace("trials: 12", "trials: 2").replace("kept", f"kept-{name}")
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "objective.py").write_text(OBJECTIVE)
    script = (
        "from overnight.flows.api.run import run_campaign\n"
        "from overnight.campaign.errors import CannotStart\n"
        "print(run_campaign('first.yaml').history.closed_by.kind)\n"
        "try:\n    run_campaign('second.yaml')\nexcept CannotStart as refused:\n    print(refused)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120
    )
    first, second = done.stdout.splitlines()
    assert first == "campaign_finished"
    assert "PREFECT_API_URL" in second


@pytest.mark.slow
def test_what_init_writes_passes_its_check(tmp_path):
    overnight(tmp_path, "init", "mine")
    assert "is valid" in overnight(tmp_path, "check", "mine/campaign.yaml").stdout
    assert "exist already" in overnight_here(tmp_path, "init", "mine", code=1).stderr


def test_a_wrong_file_is_refused_with_its_line_before_anything_runs(tmp_path):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN.replace("low: 0, high: 1", "low: 1, high: 0"))
    refused = overnight_here(tmp_path, "run", code=2)
    assert "campaign.yaml:4: parameters.x: expected low < high" in refused.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["campaign.yaml"]


def test_a_function_that_cannot_be_imported_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    assert "evaluator: expected a module `objective`" in overnight(tmp_path, "run", code=2).stderr
    assert not (tmp_path / "ledger").exists()


def test_reading_a_campaign_that_never_ran_says_so(tmp_path):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    assert "Run it first" in overnight_here(tmp_path, "status", code=1).stderr


@pytest.mark.parametrize("arguments", [["--help"], ["init", "somewhere"], ["status"], ["check"], ["run"]])
def test_light_commands_import_no_torch_and_no_prefect_and_help_not_even_pydantic(tmp_path, arguments):
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    heavy = {"torch", "prefect", "gpytorch", *(["pydantic"] if arguments == ["--help"] else [])}
    script = (
        "import sys\nfrom overnight.flows.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print('HEAVY', {heavy} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=tmp_path, env=environment(), capture_output=True, text=True
    )
    assert "HEAVY set()" in done.stdout, done.stdout + done.stderr
