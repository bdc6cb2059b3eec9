"""`overnight verify` in cron: exit codes, a verdict, and receipts that grow with the ledger."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from overnight.campaign.errors import LedgerTooNew
from overnight.campaign.history.events import AttemptStarted
from overnight.flows.cli import app
from overnight.storage import open_ledger

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAMPAIGN = """
name: bread
parameters:
  heat: {kind: float, low: 0, high: 1}
minimize: burnt
evaluator: {kind: command, command: [bake]}
budget: {trials: 3}
"""


def append(folder: Path, *numbers: int) -> None:
    ledger = open_ledger("ledger", "bread", folder)
    for n in numbers:
        event = AttemptStarted(time=NOON, actor="writer", trial=n, attempt=1, key=str(n))
        asyncio.run(ledger.append([event], after=n - 1))


def segment(number: int) -> Path:
    return Path(f"ledger/bread/events/00000/{number:020d}.parquet")


def verified(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["verify", *arguments])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    (tmp_path / "campaign.yaml").write_text(CAMPAIGN)
    append(tmp_path, 1, 2, 3)


@pytest.mark.parametrize("place", ["campaign.yaml", "ledger/bread", "ledger/bread/", "file://{here}/ledger/bread"])
def test_a_whole_ledger_is_named_by_its_campaign_its_folder_or_its_address(tmp_path, place):
    done = verified(place.format(here=tmp_path))
    assert done.exit_code == 0, done.output
    assert f"whole: {tmp_path}/ledger/bread" in done.output
    assert "events: 3 in 3 segments" in done.output
    assert "loose: all 3 segments with 3 events since 2026-03-01 12:00 UTC; without receipts" in done.output


def test_a_damaged_ledger_exits_with_1_and_names_the_file():
    segment(2).unlink()
    done = verified()
    assert done.exit_code == 1
    assert "damaged: ledger file" in done.output
    assert str(segment(2)) in done.output


def test_receipts_grow_with_the_ledger_and_a_cut_end_is_told(tmp_path):
    assert "this is the first" in verified("--receipts", "kept.jsonl").output
    append(tmp_path, 4, 5)
    grown = verified("--receipt", "kept.jsonl")
    assert "receipts: 1 agree up to segment 3\n" in grown.output
    assert (
        "loose: 2 segments with 2 events since 2026-03-01 12:00 UTC, before the receipt that was just added"
        in grown.output
    )
    assert "loose: nothing" in verified("--receipts", "kept.jsonl").output
    assert len(Path("kept.jsonl").read_text().splitlines()) == 2
    segment(5).unlink()
    cut = verified("--receipts", "kept.jsonl")
    assert cut.exit_code == 1
    assert "Its end was cut" in cut.output
    assert len(Path("kept.jsonl").read_text().splitlines()) == 2


def test_a_line_that_was_not_ended_and_empty_lines_do_no_harm(tmp_path):
    verified("--receipts", "kept.jsonl")
    kept = Path("kept.jsonl")
    kept.write_text("\n" + kept.read_text().rstrip())
    append(tmp_path, 4)
    assert "agree up to segment 3" in verified("--receipts", "kept.jsonl").output
    append(tmp_path, 5)
    assert "agree up to segment 4" in verified("--receipts", "kept.jsonl").output


def test_what_cannot_be_told_exits_with_2(tmp_path):
    Path("ledger/nothing").mkdir()
    assert verified("ledger/nothing").exit_code == 2
    assert verified("s3://bread").exit_code == 2
    (tmp_path / "odd.jsonl").mkdir()
    done = verified("--receipts", "odd.jsonl")
    assert done.exit_code == 2
    assert "cannot tell: receipts `odd.jsonl`: expected a file" in done.output
    (tmp_path / "kept.jsonl").write_text("not a receipt\n")
    done = verified("--receipts", "kept.jsonl")
    assert done.exit_code == 2
    assert "cannot tell: receipts `kept.jsonl`, line 1" in done.output


def test_a_line_that_a_killed_writer_left_is_told_and_does_no_harm(tmp_path):
    verified("--receipts", "kept.jsonl")
    kept = Path("kept.jsonl")
    kept.write_text(kept.read_text() + kept.read_text()[:100])
    for number in (4, 5):
        append(tmp_path, number)
        done = verified("--receipts", "kept.jsonl")
        assert done.exit_code == 0
        assert f"agree up to segment {number - 1}" in done.output
        assert "receipts: line 2 of kept.jsonl was cut off" in done.output


def test_the_receipts_that_a_campaigns_file_names_are_used_where_no_others_are(tmp_path):
    Path("campaign.yaml").write_text(CAMPAIGN + "receipts: ./kept.jsonl\n")
    assert "this is the first" in verified(f"{tmp_path}/campaign.yaml").output
    assert "agree up to segment 3" in verified().output
    assert "this is the first" in verified("--receipts", "others.jsonl").output
    segment(3).unlink()
    assert verified().exit_code == 1
    assert verified("ledger/bread").exit_code == 0


def test_a_ledger_of_a_newer_version_of_overnight_exits_with_2_and_asks_for_an_upgrade():
    parquet = pq.ParquetFile(pa.BufferReader(segment(3).read_bytes()))
    said = {**parquet.metadata.metadata, b"schema_version": b"4"}
    segment(3).unlink()
    pq.write_table(parquet.read().replace_schema_metadata(said), segment(3))
    done = verified()
    assert done.exit_code == 2
    assert "cannot tell: ledger file" in done.output
    assert "Upgrade Overnight to read it." in done.output


def test_an_event_with_a_key_of_a_newer_version_exits_with_2_and_every_command_says_the_same():
    parquet = pq.ParquetFile(pa.BufferReader(segment(3).read_bytes()))
    rows = parquet.read()
    [body] = rows["body"].to_pylist()
    rows = rows.set_column(rows.schema.get_field_index("body"), "body", pa.array([body.replace("{", '{"mood":1,', 1)]))
    segment(3).unlink()
    with pq.ParquetWriter(segment(3), rows.schema, store_schema=False) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata(parquet.metadata.metadata)
    done = verified()
    assert done.exit_code == 2
    assert "cannot tell: ledger file" in done.output
    assert "found the key `mood`, which a newer version of Overnight wrote. Upgrade Overnight" in done.output
    for command in ("status", "report", "replay"):
        refused = CliRunner().invoke(app, [command]).exception
        assert isinstance(refused, LedgerTooNew)
        assert str(refused).splitlines() == [done.output.removeprefix("cannot tell: ").strip()]


def test_receipts_that_cannot_be_written_exit_with_2(tmp_path):
    done = verified("--receipts", "no/such/folder/kept.jsonl")
    assert done.exit_code == 2
    assert "cannot be written" in done.output
