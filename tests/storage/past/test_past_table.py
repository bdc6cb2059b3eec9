"""Tables of past results are read by the names of the campaign's parameters and metrics."""

from pathlib import Path

import duckdb
import pytest

from overnight.campaign import Campaign
from overnight.campaign.errors import CannotImport
from overnight.storage.past.source import read_past_results

CAKE = Campaign.model_validate(
    {
        "name": "cake",
        "parameters": {
            "heat": {"kind": "float", "low": 0, "high": 1},
            "status": {"kind": "int", "low": 0, "high": 9},
        },
        "minimize": "burnt",
        "metrics": ["seconds"],
        "budget": {"trials": 9},
    }
)

AS_EXPORTED = (
    "trial,status,generator,cake,cake_sem,attempts,seconds,cause,message,predicted_mean,predicted_sd,{},proposed,ended"
)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(text: str, campaign: Campaign = CAKE):
    Path("past.csv").write_text(text)
    return read_past_results("past.csv", campaign)


def test_columns_are_found_by_the_campaigns_own_names_in_any_order():
    found = read("burnt,status,note,heat,burnt_sem,burnt_n\n0.5,3,fine,0.1,0.25,40\n")
    [row] = found.rows
    assert (row.place, dict(row.parameters)) == ("line 2", {"heat": "0.1", "status": "3"})
    assert (dict(row.means), dict(row.sems), dict(row.counts)) == ({"burnt": "0.5"}, {"burnt": "0.25"}, {"burnt": "40"})
    assert found.unused == ("note",)
    assert row.origin == {"source": "past.csv", "line": 2}


def test_columns_are_found_by_the_names_that_an_export_gives_them():
    found = read("trial,status,seconds,heat,parameter_status,metric_seconds,burnt,ended\n1,observed,9,0,3,7,0.5,noon\n")
    [row] = found.rows
    assert (dict(row.parameters), dict(row.means)) == (
        {"heat": "0", "status": "3"},
        {"burnt": "0.5", "seconds": "7"},
    )
    assert found.unused == ("trial", "status", "seconds")
    assert row.origin["ended"] == "noon"


@pytest.mark.parametrize("order", [("X", "x"), ("x", "X")])
@pytest.mark.parametrize("columns", [AS_EXPORTED, "cake,{}"])
def test_names_that_differ_in_case_are_found_whichever_the_exported_campaign_declares_first(order, columns):
    parameters = {name: {"kind": "float", "low": 0, "high": 1} for name in order}
    source = {"name": "c", "minimize": "cake", "parameters": parameters, "budget": {"trials": 9}}
    campaign = Campaign.model_validate(source)
    for first, second in (("X", "x"), ("x", "X")):
        header = columns.format(f"{first},parameter_{second}")
        cells = {"cake": "1", first: "0.25", f"parameter_{second}": "0.75"}
        row = ",".join(cells.get(name, "") for name in header.split(","))
        [found] = read(f"{header}\n{row}\n", campaign).rows
        assert found.parameters == {first: "0.25", second: "0.75"}


def test_a_column_that_is_called_like_a_parameter_counts_nothing():
    named = {"heat": {"kind": "float", "low": 0, "high": 1}, "burnt_n": {"kind": "int", "low": 0, "high": 9}}
    campaign = Campaign.model_validate(
        {"name": "cake", "parameters": named, "minimize": "burnt", "budget": {"trials": 9}}
    )
    [row] = read("heat,burnt_n,burnt\n0.5,3,7\n", campaign).rows
    assert (dict(row.parameters), dict(row.counts)) == ({"heat": "0.5", "burnt_n": "3"}, {})


def test_a_column_serves_once():
    both = CAKE.model_copy(update={"minimize": "heat"})
    assert "heat" not in read("heat,status\n0.5,3\n", both).rows[0].parameters
    assert read("heat,parameter_heat,status\n0.5,0.1,3\n", both).rows[0].parameters["heat"] == "0.1"


def test_a_line_is_the_one_on_which_a_row_begins():
    found = read('heat,status,burnt,message\n0.1,3,0.5,"two\nlines"\n\n0.2,3,0.6,one\n')
    assert [row.place for row in found.rows] == ["line 2", "line 5"]


def test_a_row_of_another_width_is_broken():
    short, long = read("heat,status,burnt\n0.1,3\n0.1,3,0.5,9\n").rows
    assert short.broken == "expected 3 values as in the header, found 2"
    assert long.broken == "expected 3 values as in the header, found 4"


def test_a_mark_of_the_byte_order_is_no_part_of_a_name():
    assert read("\ufeffheat,status,burnt\n0.1,3,0.5\n").rows[0].parameters["heat"] == "0.1"


def test_a_name_that_two_columns_have_is_refused():
    with pytest.raises(CannotImport, match="found `heat` twice"):
        read("heat,heat,status,burnt\n")


def test_parquet_keeps_types_and_decimal_fractions_are_numbers():
    duckdb.sql("select 0.1 as heat, 3 as status, 0.5 as burnt, 7 as note").write_parquet("past.parquet")
    found = read_past_results("past.parquet", CAKE)
    [row] = found.rows
    assert repr(dict(row.parameters)) == "{'heat': 0.1, 'status': 3}"
    assert (row.place, row.origin, found.unused) == ("row 1", {"source": "past.parquet", "row": 1}, ("note",))


def test_what_is_no_source_of_results_is_refused():
    Path("past.txt").write_text("heat,burnt\n")
    Path("bad.csv").write_bytes(b"heat\n\xff\n")
    Path("bad.parquet").write_bytes(b"PAR1 and no more")
    Path("folder").mkdir()
    for source, said in [
        ("past.txt", "The name of a CSV file ends in .csv"),
        ("bad.csv", "expected a CSV file in UTF-8"),
        ("bad.parquet", "expected a Parquet file"),
        ("folder", "found no file"),
        ("nothing.csv", "found nothing"),
        ("sqlite:///nothing.db", "An absolute path has four slashes"),
        ("postgresql://ada:secret@host/optuna", "found `postgresql`"),
    ]:
        with pytest.raises(CannotImport, match=said) as refused:
            read_past_results(source, CAKE)
        assert "secret" not in str(refused.value)


def test_a_table_has_no_studies():
    Path("past.csv").write_text("heat,status,burnt\n")
    with pytest.raises(CannotImport, match="--study first: expected an Optuna study"):
        read_past_results("past.csv", CAKE, "first")
