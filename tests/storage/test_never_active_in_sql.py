"""Every parameter and metric of the campaign has a column, in the order of the file, even if it was never active."""

import asyncio
import csv
import io
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
from recommendations import recommendation

from overnight.campaign import Campaign, History, Measurement, Point
from overnight.campaign.history.events import (
    CampaignDefined,
    Event,
    RecommendationMade,
    TrialObserved,
    TrialProposed,
)
from overnight.report.tables import to_csv, trial_rows
from overnight.storage import LocalStore, ParquetLedger
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.proofs.verify import verify
from overnight.storage.sql import export_trials, query

KEPT = Path(__file__).parent / "old_ledgers" / "snapshot-of-version-1"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LAMB = {"when": {"optimizer": "lamb"}}
PARAMETERS = {
    "momentum": {"kind": "float", "low": 0, "high": 1, "when": {"optimizer": "sgd"}},
    "trust": {"kind": "float", "low": 0, "high": 1, **LAMB},
    "optimizer": {"kind": "categorical", "choices": ["adam", "sgd", "lamb"]},
    "layers": {"kind": "int", "low": 1, "high": 3, **LAMB},
    "warm": {"kind": "bool", **LAMB},
    "level": {"kind": "ordinal", "choices": [1, 2.5], **LAMB},
    "mode": {"kind": "categorical", "choices": ["a", 1], **LAMB},
    "double": {"kind": "derived", "value": "2 * trust"},
    "rate": {"kind": "float", "low": 0, "high": 1},
}
TYPES = {
    "momentum": "DOUBLE",
    "trust": "DOUBLE",
    "optimizer": "VARCHAR",
    "layers": "BIGINT",
    "warm": "BOOLEAN",
    "level": "DOUBLE",
    "mode": "VARCHAR",
    "double": "DOUBLE",
    "rate": "DOUBLE",
}
# No trial has `trust`, and the first one has no `momentum`.
POINTS: list[Point] = [{"optimizer": "adam", "rate": 0.5}, {"momentum": 0.9, "optimizer": "sgd", "rate": 0.25}]


def campaign() -> Campaign:
    text = {"name": "bread", "parameters": PARAMETERS, "minimize": "burnt", "metrics": ["mass", "age"]}
    return Campaign.model_validate({**text, "budget": {"trials": 9}})


def events() -> list[Event]:
    found: list[Event] = [CampaignDefined(time=NOON, actor="ada", uid="u", definition=campaign())]
    for trial, point in enumerate(POINTS, start=1):
        metrics = {"age": Measurement(mean=1.0), "burnt": Measurement(mean=2.0)}
        found += [
            TrialProposed(time=NOON, actor="a", trial=trial, point=point, generator="sobol"),
            TrialObserved(time=NOON, actor="a", trial=trial, attempt=1, metrics=metrics),
        ]
    return found


def ledger_of(folder: Path, told: list[Event]) -> ParquetLedger:
    ledger = ParquetLedger(LocalStore(folder / "ledger"), "bread/")
    asyncio.run(ledger.append(told, after=0))
    return ledger


def test_all_parameters_and_metrics_have_columns_in_the_order_of_the_file(tmp_path: Path):
    ledger, history = ledger_of(tmp_path, events()), History.from_events(events())
    answer = query(ledger, "from trials")
    first, second = answer.rows
    in_order = [name for name in answer.columns if name in PARAMETERS]
    assert in_order == [*PARAMETERS]
    metrics = [name for name in answer.columns if name in ("burnt", "mass", "age")]
    assert metrics == ["burnt", "mass", "age"]
    row = dict(zip(answer.columns, second, strict=True))
    assert {name: row[name] for name in in_order if row[name] is not None} == POINTS[1]
    assert dict(zip(answer.columns, first, strict=True))["momentum"] is None

    table, rows = trial_table(history), trial_rows(history)
    assert tuple(table.column_names) == answer.columns
    assert [*rows[0]] == [name for name in answer.columns if name not in ("proposed", "ended")]
    assert next(csv.reader(io.StringIO(to_csv(rows)))) == [*rows[0]]


def test_the_views_of_proposals_and_recommendations_have_them_too(tmp_path: Path):
    ledger = ledger_of(tmp_path, events())
    for view in ("proposals", "recommendations"):
        assert [name for name in query(ledger, f"from {view}").columns if name in PARAMETERS] == [*PARAMETERS]


def test_a_column_without_values_has_the_type_of_the_possible_ones(tmp_path: Path):
    ledger = ledger_of(tmp_path, events())
    for view in ("trials", "proposals"):
        described = {name: kind for name, kind, *_ in query(ledger, f"describe {view}").rows}
        assert {name: described[name] for name in PARAMETERS} == TYPES
    assert query(ledger, "select avg(trust), max(layers) from trials").rows == [(None, None)]
    export_trials(ledger, tmp_path / "trials.parquet")
    schema, expected = pq.read_schema(tmp_path / "trials.parquet"), trial_table(History.from_events(events())).schema
    assert [schema.field(name).type for name in PARAMETERS] == [expected.field(name).type for name in PARAMETERS]


def test_a_recommended_point_may_have_a_parameter_that_no_trial_had(tmp_path: Path):
    point: Point = {"trust": 0.5, "optimizer": "lamb", "layers": 2, "warm": True, "level": 1, "mode": "a", "rate": 0.1}
    found = recommendation(trial=None, best_measured=1, point=point, mean=1.0, sd=0.1, probability_best=0.5)
    made = RecommendationMade(time=NOON, actor="c", events_seen=5, recommendation=found)
    ledger = ledger_of(tmp_path, [*events(), made])
    assert query(ledger, "select trust, layers, warm, momentum from recommendations").rows == [(0.5, 2, True, None)]


def test_a_snapshot_of_version_1_has_only_the_parameters_that_were_active(tmp_path: Path):
    shutil.copytree(KEPT, tmp_path / "kept")
    ledger = ParquetLedger(LocalStore(tmp_path / "kept"), "bread/")
    [number] = ledger.snapshots.numbers()
    kept = ledger.snapshots.read(number)
    assert kept is not None
    assert [n for n in kept.trials.column_names if n in PARAMETERS] == ["optimizer", "rate", "momentum"]
    verify(ledger)
    assert [n for n in query(ledger, "from trials").columns if n in PARAMETERS] == [
        "momentum",
        "optimizer",
        "trust",
        "rate",
    ]
