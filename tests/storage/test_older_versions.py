"""Ledgers written by versions 1 and 2, with their blocks and snapshots, are read like those of this version."""

import json
import logging
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rewritten import write_with

from overnight.campaign import History
from overnight.campaign.errors import LedgerDamaged, LedgerTooNew
from overnight.campaign.history.events import CampaignDrained
from overnight.campaign.history.provenance import Provenance
from overnight.storage.copies import blocks
from overnight.storage.parquet_ledger import ParquetLedger
from overnight.storage.proofs.verify import verify
from overnight.storage.segments.rows_of_version_2 import converted, current
from overnight.storage.sql import query
from overnight.storage.stores.local_store import LocalStore

KEPT = Path(__file__).parent / "old_ledgers" / "kept-by-version-2"
# `bread` begins with a segment of version 1. Its blocks hold three segments each.
CAMPAIGNS = ("bread", "kept")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two ledgers of version 2."""
    monkeypatch.setattr(blocks, "SIZE", 3)
    shutil.copytree(KEPT, tmp_path / "ledgers")
    return tmp_path / "ledgers"


def opened(folder: Path, campaign: str) -> ParquetLedger:
    return ParquetLedger(LocalStore(folder), f"{campaign}/")


def bodies(folder: Path, campaign: str) -> list[dict[str, Any]]:
    """Return the events as JSON, exactly as version 2 wrote them."""
    files = sorted((folder / campaign / "events").rglob("*.parquet"))
    return [json.loads(body) for file in files for body in pq.read_table(file)["body"].to_pylist()]


def flat(folder: Path) -> dict[int, dict[str, Any]]:
    """Return each trial's provenance as version 2 wrote it."""
    made = {
        event["trial"]: event["provenance"] for event in bodies(folder, "kept") if event["kind"] == "trial_proposed"
    }
    return {trial: provenance for trial, provenance in made.items() if provenance is not None}


@pytest.mark.parametrize("campaign", CAMPAIGNS)
async def test_blocks_of_version_2_hold_what_its_segments_hold(folder, campaign, caplog):
    caplog.set_level(logging.WARNING)
    verify(opened(folder, campaign))
    in_blocks = await opened(folder, campaign).read()
    rows = opened(folder, campaign).rows()
    shutil.rmtree(folder / campaign / "compact")
    assert repr(await opened(folder, campaign).read()) == repr(in_blocks)
    assert repr(opened(folder, campaign).rows().to_pylist()) == repr(rows.to_pylist())
    assert [record for record in caplog.records if record.name.startswith("overnight")] == []


async def test_each_number_that_version_2_recorded_is_in_its_place(folder):
    history = await folded(folder)
    for trial, written in flat(folder).items():
        made = history.trials[trial].proposal.provenance
        assert {name: value for name, value in in_one_list(made).items() if name in written} == written


def in_one_list(made: Provenance) -> dict[str, Any]:
    """Return provenance in the layout of version 2, written independently of the ledger's own reader."""
    model, predicted = made.models.metrics.get("cost"), made.predicted.get("cost")
    found = {
        **made.made_by.model_dump(),
        **made.stack.model_dump(),
        **made.knew.model_dump(),
        **made.weights.model_dump(),
        **made.asked.model_dump(),
        **made.chosen.model_dump(exclude={"value"}),
        "acquisition_value": made.chosen.value,
        "hyperparameters": model and model.hyperparameters,
        "fit_jitter": model and model.jitter,
        "starts": model.starts if model else {},
        "tail_width": model and model.tail_width,
        "feasibility_hyperparameters": made.models.feasibility and made.models.feasibility.hyperparameters,
        "cost_hyperparameters": made.models.cost and made.models.cost.hyperparameters,
        **{f"predicted_{name}": predicted and getattr(predicted, name) for name in ("mean", "sd", "low", "high")},
    }
    return json.loads(json.dumps(found))


async def test_trials_that_saw_the_same_with_one_seed_are_a_batch(folder):
    expected: dict[tuple[int, int], list[int]] = {}
    for trial, written in flat(folder).items():
        expected.setdefault((written["events_seen"], written["seed"]), []).append(trial)
    found = (await folded(folder)).batches()
    assert [[trial.id for trial in together] for together in found.values()] == list(expected.values())
    assert max(map(len, expected.values())) > 1


async def test_a_query_finds_what_was_predicted_under_the_objectives_name(folder):
    means = {trial: written["predicted_mean"] for trial, written in flat(folder).items()}
    known = [(trial, "cost", mean) for trial, mean in means.items() if mean is not None]
    ledger = opened(folder, "kept")
    assert query(ledger, "select trial, metric, mean from predictions order by trial").rows == known
    for view in ("trials", "proposals"):
        rows = query(
            ledger, f"select trial, predicted_mean from {view} where predicted_mean is not null order by trial"
        )
        assert rows.rows == [(trial, mean) for trial, _, mean in known]


async def test_a_query_finds_the_batches_that_the_history_knows(folder):
    trials = (await folded(folder)).trials
    known = [(number, trials[number].batch) for number in sorted(trials)]
    assert query(opened(folder, "kept"), "select trial, batch from proposals order by trial").rows == known
    assert len({batch for _, batch in known}) < len(known)


async def test_why_a_controller_ended_is_known_in_words_only(folder):
    [segment] = [
        s for s in await opened(folder, "kept").read() if any(isinstance(e, CampaignDrained) for e in s.events)
    ]
    [drained] = [event for event in segment.events if isinstance(event, CampaignDrained)]
    assert (drained.because, drained.reason[:10]) == (None, "the window")


def test_a_column_of_version_2_that_contradicts_its_events_is_damage(folder):
    file = folder / "kept/events/00000/00000000000000000003.parquet"
    attempts = pq.read_table(file)["attempt"].to_pylist()
    write_with(file, "attempt", pa.array([7, *attempts[1:]], pa.int32()))
    with pytest.raises(LedgerDamaged, match="columns that agree with its events"):
        verify(opened(folder, "kept"))


def test_a_block_of_version_2_that_holds_another_event_is_damage(folder):
    file = folder / "bread/compact/00000000000000000004-00000000000000000006.parquet"
    rows = pq.read_table(file)["body"].to_pylist()
    write_with(file, "body", pa.array([*rows[:-1], rows[-1].replace("0.1", "0.2")]))
    with pytest.raises(LedgerDamaged, match="compact"):
        verify(opened(folder, "bread"))


def test_a_word_that_version_2_did_not_know_asks_for_an_upgrade(folder):
    file = folder / "kept/events/00000/00000000000000000003.parquet"
    written = pq.read_table(file)["body"].to_pylist()
    newer = [body.replace('"provenance":{"seed":', '"provenance":{"seed":1,"mood":"good","seed":') for body in written]
    write_with(file, "body", pa.array(newer))
    with pytest.raises(LedgerTooNew, match="the key `mood`"):
        verify(opened(folder, "kept"))


def test_a_rule_that_stopped_a_trial_compared_the_objective(folder):
    before = {"kind": "trial_stopped", "trial": 1, "rule": "median"}
    assert converted(before) == {"metric": "", **before}
    assert json.loads(current(json.dumps(before, separators=(",", ":")))) == {"metric": "", **before}


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_this_versions_bodies_are_left_as_they_are(folder, campaign):
    found = opened(folder, campaign).rows()["body"].to_pylist()
    assert [current(body) for body in found] == found
    mentioned = '{"kind":"trial_observed","metadata":{"provenance":{"seed":1}}}'
    assert current(mentioned) == mentioned


async def folded(folder: Path) -> History:
    segments = await opened(folder, "kept").read()
    return History.from_events(event for segment in segments for event in segment.events)
