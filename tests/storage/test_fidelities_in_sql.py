"""The column of a fidelity in SQL and in exported tables, and its way back through an import."""

import asyncio
import csv
from pathlib import Path

import pyarrow as pa
from thorough_campaigns import Thorough

from overnight.flows.past_results.matching import fitted
from overnight.report.tables import to_csv, trial_rows
from overnight.storage import open_ledger
from overnight.storage.copies.trial_table import trial_table
from overnight.storage.past.source import read_past_results
from overnight.storage.sql import query


def told() -> Thorough:
    found = Thorough()
    found.run(0.1, 1, loss=0.5)
    found.run(0.2, 9, loss=2.0)
    found.run(0.3, 3, loss=0.7)
    return found


def test_sql_selects_the_trials_of_a_fidelity(tmp_path: Path):
    ledger = open_ledger(str(tmp_path), "thorough", tmp_path)
    asyncio.run(ledger.append(told().events, after=0))
    assert query(ledger, "select trial, epochs from trials where epochs < 9 order by trial").rows == [(1, 1), (3, 3)]


def test_the_column_is_whole_even_before_the_first_trial(tmp_path: Path):
    assert trial_table(told().history).schema.field("epochs").type == pa.int64()
    assert trial_table(Thorough().history).schema.field("epochs").type == pa.int64()
    ledger = open_ledger(str(tmp_path), "thorough", tmp_path)
    asyncio.run(ledger.append(Thorough().events, after=0))
    assert query(ledger, "select epochs from trials").rows == []


def test_a_table_of_trials_is_imported_at_the_same_fidelities(tmp_path: Path):
    found = told()
    path = tmp_path / "trials.csv"
    path.write_text(to_csv(trial_rows(found.history)))
    rows = csv.DictReader(path.read_text().splitlines())
    assert [row["epochs"] for row in rows] == ["1", "9", "3"]
    past = fitted(found.campaign, read_past_results(str(path), found.campaign))
    assert [each.point for each in past.observations] == [trial.point for trial in found.history.trials.values()]
