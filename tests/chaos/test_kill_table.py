import pytest
from kill_table import StoredRun, read_runs, section, store
from marked_sections import replace_section

RUN = StoredRun(
    seed=1,
    commit=None,
    prefect="3.8.8",
    kills={"controller": 2, "server": 3},
    stops={"supervisor": 1},
    outage_seconds=60.0,
    restarts=1,
    second_starts=2,
    refused=1,
    trials=30,
    started=30,
    attempts=34,
    evaluated=33,
    controllers=5,
    replayed=30,
    models=25,
    broken={},
    seconds=300.0,
)


def test_the_table_adds_up_what_is_stored(tmp_path):
    file = tmp_path / "results" / "runs.jsonl"
    for run in (RUN, RUN.model_copy(update={"kills": {"worker": 4}, "outage_seconds": 3.5, "seed": 2})):
        store(run, file)
    said = section(read_runs(file))
    assert "| campaigns | 2 |" in said
    assert "| SIGKILLs of one process | 9 |" in said
    assert "| SIGKILL of the Prefect server | 3 |" in said
    assert "| SIGSTOP of an evaluation's supervisor | 2 |" in said
    # A mere restart of the server is not an outage.
    assert "| outage of the server for 60 s | 1 |" in said
    assert "| trials | 60 |" in said
    assert "lost | 0 |" in said


def test_a_run_that_broke_a_promise_stands_out():
    assert "lost | **2** |" in section([RUN, RUN.model_copy(update={"broken": {"lost": 2}})])


def a_page(a: str, b: str) -> str:
    begin, end = "<!-- make {}: begin -->", "<!-- make {}: end -->"
    parts = ["# Page", begin.format("a"), a, end.format("a"), "between", begin.format("b"), b, end.format("b"), "end"]
    return "\n".join(parts) + "\n"


def test_each_command_replaces_its_own_part_of_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(a_page("old a", "old b"))
    replace_section(page, "make a", "new a\n")
    assert page.read_text() == a_page("new a", "old b")
    with pytest.raises(ValueError, match="make c: begin"):
        replace_section(page, "make c", "new c\n")
