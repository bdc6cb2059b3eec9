"""A ledger in SQL: the views agree with the tables for people, for all names of parameters."""

import asyncio
import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from overnight.campaign import Campaign, History, Measurement
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import (
    AttemptFailed,
    AttemptStarted,
    CampaignDefined,
    Event,
    TrialFailed,
    TrialObserved,
    TrialProposed,
)
from overnight.campaign.history.provenance import Knew, MadeBy, Prediction, Provenance
from overnight.flows.cli import app
from overnight.report.tables import trial_rows
from overnight.storage import open_ledger
from overnight.storage.sql import query

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAMPAIGN = """
name: bread
parameters:
  heat: {kind: float, low: 0, high: 1}
  turns: {kind: int, low: 0, high: 9}
  "flour, 'type' \\"x\\"": {kind: categorical, choices: [rye, 2, false]}
  rise: {kind: categorical, choices: [true, false]}
  status: {kind: ordinal, choices: [1, 2.5]}
minimize: burnt
metrics: [seconds]
evaluator: {kind: command, command: [bake]}
budget: {trials: 9}
"""
FLOUR = "flour, 'type' \"x\""


def definition() -> Campaign:
    return Campaign.model_validate(
        {
            "name": "bread",
            "parameters": {
                "heat": {"kind": "float", "low": 0, "high": 1},
                "turns": {"kind": "int", "low": 0, "high": 9},
                FLOUR: {"kind": "categorical", "choices": ["rye", 2, False]},
                "rise": {"kind": "categorical", "choices": [True, False]},
                "status": {"kind": "ordinal", "choices": [1, 2.5]},
            },
            "minimize": "burnt",
            "metrics": ["seconds"],
            "budget": {"trials": 9},
        }
    )


def events() -> list[Event]:
    def proposed(trial: int, flour: str | int | bool, status: float, **more) -> Event:
        point = {"heat": trial / 7, "turns": trial, FLOUR: flour, "rise": trial % 2 == 0, "status": status}
        return TrialProposed(
            time=NOON, actor="controller", trial=trial, point=point, generator=more.pop("by", "sobol"), **more
        )

    def started(trial: int, attempt: int = 1) -> Event:
        return AttemptStarted(
            time=NOON + timedelta(minutes=trial),
            actor="controller",
            trial=trial,
            attempt=attempt,
            key=f"{trial}/{attempt}",
        )

    provenance = Provenance(
        made_by=MadeBy(seed=2**70),
        knew=Knew(observed=1, pending=(2,)),
        predicted={"burnt": Prediction(mean=0.5, sd=float("inf"))},
    )
    metrics = {"burnt": Measurement(mean=1 / 3, sem=0.1, n=40), "seconds": Measurement(mean=-0.0)}
    failed = {"time": NOON, "actor": "controller", "trial": 2, "attempt": 1, "message": 'burnt,\n"down"'}
    return [
        CampaignDefined(time=NOON, actor="ada", uid="u", definition=definition()),
        proposed(1, "rye", 1),
        started(1),
        TrialObserved(time=NOON, actor="c", trial=1, attempt=1, metrics=metrics, seconds=2.5),
        # Ignored, since the trial already has an outcome.
        TrialFailed(time=NOON, actor="c", trial=1, attempt=1, cause="timeout", message="too late"),
        proposed(2, 2, 2.5),
        started(2),
        AttemptFailed(**failed, cause="infrastructure", will_retry=True, seconds=1.0, cost=3.0),
        started(2, 2),
        AttemptFailed(**{**failed, "attempt": 2}, cause="configuration", will_retry=False, seconds=0.5),
        TrialFailed(**{**failed, "attempt": 2}, cause="configuration"),
        proposed(3, False, 1, by="model", provenance=provenance),
        started(3),
        proposed(4, "rye", 1),
    ]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    Path("campaign.yaml").write_text(CAMPAIGN)
    ledger = open_ledger("ledger", "bread", tmp_path)
    for number, event in enumerate(events()):
        asyncio.run(ledger.append([event], after=number))


def asked(*arguments: str, code: int = 0) -> Result:
    done = CliRunner().invoke(app, [*arguments], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done


def answer(sql: str) -> list[dict]:
    return json.loads(asked("query", sql, "--format", "json").output)


def test_the_view_of_trials_is_the_table_of_trials():
    rows = trial_rows(History.from_events(events()))
    found = answer("select * exclude (proposed, ended) from trials")
    assert [list(row) for row in found] == [list(row) for row in rows]
    # A column has one type, so mixed values become texts.
    texts = [{**row, FLOUR: str(row[FLOUR]).lower(), "parameter_status": row["parameter_status"]} for row in rows]
    assert found == texts


def test_true_and_false_are_printed_as_in_the_campaign_file():
    printed = asked("query", "select distinct rise from trials order by rise").output
    assert [word for word in printed.split() if word.lower() in ("true", "false")] == ["false", "true"]


def test_attempts_metrics_and_proposals_have_a_row_each():
    assert answer("select trial, attempt, status, cause, seconds, cost, will_retry from attempts order by all") == [
        {
            "trial": 1,
            "attempt": 1,
            "status": "observed",
            "cause": None,
            "seconds": 2.5,
            "cost": None,
            "will_retry": None,
        },
        {
            "trial": 2,
            "attempt": 1,
            "status": "failed",
            "cause": "infrastructure",
            "seconds": 1.0,
            "cost": 3.0,
            "will_retry": True,
        },
        {
            "trial": 2,
            "attempt": 2,
            "status": "failed",
            "cause": "configuration",
            "seconds": 0.5,
            "cost": None,
            "will_retry": False,
        },
        {
            "trial": 3,
            "attempt": 1,
            "status": "running",
            "cause": None,
            "seconds": None,
            "cost": None,
            "will_retry": None,
        },
    ]
    assert answer("select metric, mean, sem, n from metrics") == [
        {"metric": "burnt", "mean": 1 / 3, "sem": 0.1, "n": 40},
        {"metric": "seconds", "mean": -0.0, "sem": None, "n": None},
    ]
    [model] = answer("select seed, observed, pending, predicted_mean, heat from proposals where generator = 'model'")
    assert model == {"seed": str(2**70), "observed": 1, "pending": "[2]", "predicted_mean": 0.5, "heat": 3 / 7}
    assert answer("select count(*) as n from events") == [{"n": 14}]


def test_an_answer_is_a_table_for_people_and_csv_for_programs():
    assert "2026-03-01 12:01" in asked("query", "select started from attempts order by all limit 1").output
    rows = list(
        csv.reader(
            asked("query", "select trial, time from events where trial = 3", "--format", "csv").output.splitlines()
        )
    )
    assert rows == [["trial", "time"], ["3", NOON.isoformat()], ["3", (NOON + timedelta(minutes=3)).isoformat()]]


def test_an_answer_that_is_wider_than_the_terminal_has_a_block_for_each_row(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = asked("query", "select * from trials").output.splitlines()
    names = answer("describe trials")
    assert [line.split()[0] for line in lines[1 : len(names) + 1]] == [row["column_name"].split()[0] for row in names]
    assert lines[-1] == "For a table, select fewer columns; for programs: --format csv or json."
    assert "┃" in asked("query", "select trial, heat from trials").output


def test_wrong_sql_is_answered_with_what_there_is():
    with pytest.raises(LedgerError, match=r"(?s)nothing_here.*The views are trials, attempts"):
        asked("query", "select * from nothing_here")


@pytest.mark.parametrize("name", ["trials.parquet", "trials.csv", "it's.CSV"])
def test_trials_are_exported_to_one_file(name):
    asked("export", name)
    if name.endswith("parquet"):
        table = pq.read_table(name)
        assert table["heat"].to_pylist() == [n / 7 for n in range(1, 5)]
        assert table["rise"].to_pylist() == [False, True, False, True]
    else:
        rows = list(csv.DictReader(Path(name).read_text().splitlines(keepends=True)))
        assert [float(row["heat"]) for row in rows] == [n / 7 for n in range(1, 5)]
        assert rows[1]["message"] == 'burnt,\n"down"'


def test_an_export_elsewhere_or_of_another_form_is_refused():
    with pytest.raises(Exception, match=r"expected a name that ends in \.parquet or \.csv"):
        asked("export", "trials.xlsx")
    with pytest.raises(Exception, match="it cannot be written"):
        asked("export", "no/such/folder/trials.csv")


def ledger_of(*parts: Event) -> None:
    """Replace the campaign by another one with these events."""
    Path("campaign.yaml").write_text(CAMPAIGN.replace("name: bread", "name: cake"))
    for number, event in enumerate(parts):
        asyncio.run(open_ledger("ledger", "cake", Path()).append([event], after=number))


def proposed(trial: int, /, **point) -> Event:
    return TrialProposed(time=NOON, actor="c", trial=trial, point=point, generator="manual")


def observed(trial: int, /, **means: float) -> Event:
    metrics = {name: Measurement(mean=mean) for name, mean in means.items()}
    return TrialObserved(time=NOON, actor="c", trial=trial, attempt=1, metrics=metrics)


def test_a_ledger_without_trials_has_the_columns_that_are_expected():
    ledger_of(CampaignDefined(time=NOON, actor="ada", uid="u", definition=definition()))
    assert answer("select trial, burnt, metric_seconds from trials") == []
    printed = asked("query", "select trial, burnt from trials", "--format", "csv").output
    assert printed == "trial,burnt\n"


@pytest.mark.parametrize("arguments", [("query", "select 1"), ("export", "pies.csv")])
def test_a_ledger_without_events_is_named_without_its_files(arguments: tuple[str, ...]):
    Path("campaign.yaml").write_text(CAMPAIGN.replace("name: bread", "name: pie"))
    with pytest.raises(LedgerError, match="pie: expected a ledger with events, found none") as refused:
        asked(*arguments)
    assert ".parquet" not in str(refused.value)


@pytest.mark.parametrize("large", [2**53 + 1, -(2**53) - 1, 2**63 - 1])
def test_integers_that_a_double_would_round_keep_their_digits_beside_fractions(large: int):
    ledger_of(proposed(1, heat=large), proposed(2, heat=0.25), proposed(3, heat=3))
    for view in ("trials", "proposals"):
        found = [row["heat"] for row in answer(f"select heat from {view} order by trial")]
        assert found == [str(large), "0.25", "3"]


def test_integers_that_a_double_holds_are_numbers_beside_fractions():
    ledger_of(proposed(1, heat=2**53), proposed(2, heat=0.25))
    assert [row["heat"] for row in answer("select heat from trials order by trial")] == [2.0**53, 0.25]


def test_names_that_are_taken_in_any_case_get_a_prefix_and_lose_nothing():
    point = {"x": 1, "X": 2, "actor": 3, "Status": 4, "parameter_status": 5, "status": 6, "seed": 7, "y_sem": 8}
    ledger_of(proposed(1, **point), observed(1, y=10.0, Y=11.0, metric_y=12.0, trial=13.0))
    [row] = answer("select * from trials")
    assert {name: row[name] for name in ("x", "parameter_X", "actor", "parameter_Status", "seed")} == {
        "x": 1, "parameter_X": 2, "actor": 3, "parameter_Status": 4, "seed": 7
    }  # fmt: skip
    assert (row["parameter_parameter_status"], row["parameter_parameter_parameter_status"]) == (5, 6)
    assert (row["y"], row["metric_Y"], row["metric_metric_y"], row["metric_trial"]) == (10, 11, 12, 13)
    assert row["parameter_y_sem"] == 8
    [row] = answer("select * from proposals")
    assert (row["actor"], row["parameter_actor"], row["seed"], row["parameter_seed"]) == ("c", 3, None, 7)
    assert row["provenance"] is None


def test_a_whole_number_that_no_column_holds_is_there_as_text():
    ledger_of(proposed(1, **{"n 'x'": 1}), proposed(2, **{"n 'x'": 2**70}))
    assert [row["n 'x'"] for row in answer("select * from trials")] == ["1", str(2**70)]


def test_a_metric_without_a_name_and_values_that_look_like_markup_are_printed():
    ledger_of(proposed(1, kind="[rye]"), observed(1, **{"": 1.0}))
    assert answer("select metric_ from trials") == [{"metric_": 1.0}]
    assert "[rye]" in asked("query", "select kind from trials").output


def test_two_columns_of_one_name_are_both_in_json():
    assert answer("select 1 as a, 2 as a, map {3: 4} as m") == [{"a": 1, "a_1": 2, "m": '{"3": 4}'}]


def test_a_variable_of_the_program_is_no_view():
    with pytest.raises(LedgerError, match="The views are"):
        asked("query", "select * from rows")


ATTACKS = """
from read_text('secret.csv')
from read_blob('secret.csv')
from read_csv('secret.csv')
from read_json('secret.csv')
from read_parquet('{segment}')
from parquet_metadata('{segment}')
from sniff_csv('secret.csv')
from glob('*')
from 'secret.csv'
from '{segment}'
from query_table('secret.csv')
from json_execute_serialized_sql(json_serialize_sql('from read_text(''secret.csv'')'))
prepare p as from read_text('secret.csv'); execute p
create table t (a text); copy t from 'secret.csv'
copy trials to '{segment}' (format parquet)
copy (select 1) to 'new.csv'
copy (select 1) to '/dev/stdout'
export database 'new'
import database 'new'
attach 'new.db' as n; create table n.t (a int)
attach 'secret.csv' as s
install httpfs
load httpfs
load './new.duckdb_extension'
from 'https://127.0.0.1:9/a.csv'
from 's3://bucket/a.parquet'
set enable_external_access = true
reset enable_external_access
pragma enable_external_access = true
set lock_configuration = false
set allowed_directories = ['/']
set allowed_paths = ['secret.csv']
set home_directory = '.'
set temp_directory = 'new'
set log_query_path = 'new.log'
pragma enable_profiling = 'json'
set profiling_output = 'new.json'
call enable_profiling(save_location = 'new.json')
call enable_logging(storage = 'file', storage_path = 'new')
create persistent secret s (type http, bearer_token 'x')
set python_enable_replacements = true
select getenv('HOME')
select * from _CLOSED
select * from connection
"""


def all_files() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.mark.parametrize("attack", ATTACKS.strip().splitlines())
def test_a_query_reaches_nothing_but_the_views(attack, monkeypatch, tmp_path):
    Path("secret.csv").write_text("hush\n1\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    before, [segment, *_] = all_files(), sorted(Path("ledger").rglob("*.parquet"))
    with pytest.raises(LedgerError, match=r"^query: ") as caught:
        query(open_ledger("ledger", "bread", tmp_path), attack.format(segment=segment))
    assert "hush" not in str(caught.value)
    assert all_files() == before


def test_an_export_never_replaces_a_file_of_the_ledger():
    before, [segment, *_] = all_files(), sorted(Path("ledger").rglob("*.parquet"))
    with pytest.raises(LedgerError, match=r"expected a file outside the ledger.*Nothing was written"):
        asked("export", str(segment))
    assert all_files() == before
