"""`check` refuses the same ledgers, work folders and receipts as `run`, and neither leaves anything behind."""

import subprocess
import sys
from pathlib import Path

import pytest
from permissions import obeying

from overnight.campaign.errors import InvalidDefinition, OvernightError
from overnight.flows.api.run import run_campaign
from overnight.flows.commands.start.check import check
from overnight.flows.definition.campaign_file import load_campaign_file, read_campaign

PLAIN = """name: x
parameters:
  a: {kind: float, low: 0, high: 1}
  b: {kind: float, low: 0, high: 1}
minimize: loss
evaluator: {kind: simulated, function: branin}
budget: {trials: 1}
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "afile").write_text("text\n")
    return Path("campaign.yaml")


def written(path: Path, more: str) -> Path:
    path.write_text(PLAIN + more + "\n")
    return path


@pytest.mark.parametrize(
    "address",
    [
        "s3:/b/x",
        "s3:x",
        "S3:/x",
        "s3//b",
        "file:/x",
        "file://x",
        "gs://b/x",
        "http://h/x",
        "C:\\\\x",
        "s3://",
        "~nobody-9/x",
    ],
)
def test_a_mistyped_address_of_a_ledger_is_refused_with_its_line(path: Path, address: str):
    with pytest.raises(InvalidDefinition, match=r"^campaign.yaml:8: ledger: expected "):
        load_campaign_file(written(path, f'ledger: "{address}"'))
    with pytest.raises(InvalidDefinition, match=r"^ledger: expected "):
        read_campaign({**CAMPAIGN, "ledger": address.replace("\\\\", "\\")})


CAMPAIGN = {
    "name": "x",
    "parameters": {name: {"kind": "float", "low": 0, "high": 1} for name in "ab"},
    "minimize": "loss",
    "evaluator": {"kind": "simulated", "function": "branin"},
    "budget": {"trials": 1},
}


@pytest.mark.parametrize("key", ["ledger", "work", "receipts"])
def test_a_path_with_a_character_that_no_file_system_knows_is_refused(key: str):
    with pytest.raises(InvalidDefinition, match=rf"^{key}: expected a path, got one with the character NUL"):
        read_campaign({**CAMPAIGN, key: "a\0b"})


@pytest.mark.parametrize(
    ("proposer", "kind"),
    [({"cost_aware": True}, "bayesian"), ({}, "bayesian"), ({"implementation": "mine:Mine"}, "python")],
)
def test_a_proposer_is_the_usual_one_unless_it_names_another(proposer: dict[str, object], kind: str):
    assert read_campaign({**CAMPAIGN, "proposer": proposer}).proposer.kind == kind


@pytest.mark.parametrize("address", ["./s3:x", "s3://bucket/x", "S3://bucket", "file:///srv/x", "../a:b", "/srv/a:b"])
def test_folders_and_urls_are_addresses_of_a_ledger(path: Path, address: str):
    ledger = load_campaign_file(written(path, f"ledger: {address}")).ledger
    assert ledger.endswith(address.removeprefix("./").removeprefix("../").removeprefix("S3://"))


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("ledger: ./work", "ledger"),
        ("ledger: ./work/deep/ledger", "ledger"),
        ("work: ./ledger/x", "work"),
        ("ledger: afile", "ledger"),
        ("ledger: afile/x", "ledger"),
        ("work: afile", "work"),
        ("work: afile/x", "work"),
        ("receipts: nowhere/receipts.jsonl", "receipts"),
        ("receipts: .", "receipts"),
        ("receipts: afile", "receipts"),
        ("receipts: afile/x", "receipts"),
    ],
)
def test_check_and_run_refuse_alike_what_cannot_hold_a_new_campaign(path: Path, more: str, key: str):
    before = sorted(Path().iterdir())
    written(path, more)
    for door in (check, run_campaign):
        with pytest.raises(OvernightError) as refused:
            door(path)
        assert str(refused.value).removeprefix(f"{path}:8: ").startswith(key), door
        assert sorted(Path().iterdir()) == sorted([*before, path]), "nothing is left behind"


def test_the_ledger_may_lie_beside_the_work_folder_and_check_writes_nothing(path: Path, capsys):
    check(written(path, "receipts: receipts.jsonl"))
    assert "is valid" in capsys.readouterr().out
    assert sorted(Path().iterdir()) == [Path("afile"), path]


def test_folders_of_others_are_refused_all_at_once(path: Path):
    Path("closed").mkdir(mode=0o500)
    written(path, "work: ./closed/work\nledger: ./closed/ledger\nreceipts: ./closed/r")
    command = obeying([sys.executable, "-m", "overnight", "check", str(path)])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2, done.stdout
    assert [line.partition(": expected")[0].split(": ")[1] for line in done.stderr.splitlines()] == [
        "work",
        "ledger",
        "receipts",
    ]


def test_a_proposer_that_needs_cuda_is_refused_before_the_night_where_there_is_none(path: Path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("here is a CUDA device")
    with pytest.raises(InvalidDefinition, match=r"proposer\.device.*expected a CUDA device"):
        check(written(path, "proposer: {kind: bayesian, device: cuda}"))
