"""Readers with DuckDB, polars, pandas or pyarrow and a read-only key find the same as `query`."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from event_samples import NOON
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from s3_server import AUDITOR, S3Server
from s3fs import S3FileSystem

from overnight.campaign import Measurement
from overnight.campaign.history.events import Event, TrialObserved, TrialProposed
from overnight.storage import LocalStore, ParquetLedger
from overnight.storage.copies.blocks import SIZE
from overnight.storage.sql import query

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "query.md").read_text()
TOOLS = ("duckdb", "polars", "pandas", "pyarrow.dataset")
FILES = {
    "events": "events/*/*.parquet",
    "compact": "compact/*.parquet",
    "snapshots": "snapshots/*.parquet",
}
OF_EVENTS = ("events", "compact")


def tried(trial: int) -> list[Event]:
    metrics = {"minutes": Measurement(mean=float(trial)), "burnt": Measurement(mean=1 / trial, sem=0.1)}
    return [
        TrialProposed(time=NOON, actor="c", trial=trial, point={"heat": trial / 7, "flour": "rye"}, generator="sobol"),
        TrialObserved(time=NOON, actor="c", trial=trial, attempt=1, metrics=metrics, seconds=0.5),
    ]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a ledger `bread` with as many segments as a block holds, and a few more."""
    root = tmp_path_factory.mktemp("ledger")
    ledger = ParquetLedger(LocalStore(root), "bread/")

    async def fill() -> None:
        for number in range(1, SIZE + 3):
            await ledger.append(tried(number), after=number - 1)

    asyncio.run(fill())
    ledger.blocks.make_missing()
    for last in (SIZE, SIZE + 2):
        ledger.snapshots.make(last, [event for number in range(1, last + 1) for event in tried(number)])
    return root


@pytest.fixture(params=["directory", "bucket"])
def place(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the place of a ledger, in which everyone may only read: its newest segments, blocks and snapshots."""
    kept = sorted(root.glob("bread/events/*/*.parquet"))[-5:]
    kept += [*root.glob("bread/compact/*.parquet"), *root.glob("bread/snapshots/*.parquet")]
    if request.param == "directory":
        folder = request.getfixturevalue("tmp_path")
        for file in kept:
            copy = folder / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(file.read_bytes())
        return str(folder)
    s3: S3Server = request.getfixturevalue("s3")
    bucket, _, prefix = request.getfixturevalue("bucket").removeprefix("s3://").partition("/")
    client = s3.client()
    for file in kept:
        client.put_object(Bucket=bucket, Key=f"{prefix}/{file.relative_to(root)}", Body=file.read_bytes())
    for name, value in AUDITOR.environment(s3.endpoint).items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()
    return f"{bucket}/{prefix}"


def in_bucket(place: str) -> bool:
    return not place.startswith("/")


def from_the_guide(begins: str, place: str, folder: str = "events") -> str:
    """Return the page's program with this beginning, adapted to another place and other files as the page explains."""
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    [program] = [block for block in blocks if block.startswith(begins)]
    program = program.replace(FILES["events"], FILES[folder]).replace("bread/events", f"bread/{folder}")
    if in_bucket(place):
        return program.replace("my-bucket/tuning", place)
    program = program.replace(
        "from s3fs import S3FileSystem", "from fsspec.implementations.local import LocalFileSystem"
    )
    return (
        program.replace("S3FileSystem()", "LocalFileSystem()").replace("s3://", "").replace("my-bucket/tuning", place)
    )


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("folder", OF_EVENTS)
def test_the_programs_of_the_guide_find_what_overnight_query_says(tool, folder, place, root):
    names: dict[str, Any] = {}
    exec(from_the_guide(f"import {tool}\n", place, folder), names)
    first = SIZE - 2 if folder == "events" else 1
    last = SIZE + 2 if folder == "events" else SIZE
    sql = f"select trial, mean from metrics where metric = 'burnt' and trial between {first} and {last}"
    assert names["burnt"] == dict(query(ParquetLedger(LocalStore(root), "bread/"), sql).rows)
    assert len(names["burnt"]) == last - first + 1


def test_the_guide_finds_the_trials_of_the_newest_snapshot(place, root):
    names: dict[str, Any] = {}
    for begins in ("import duckdb\n", "newest = "):
        exec(from_the_guide(begins, place), names)
    sql = "select trial, status, heat, burnt, burnt_sem from trials order by burnt"
    assert names["trials"].fetchall() == query(ParquetLedger(LocalStore(root), "bread/"), sql).rows


def with_duckdb(store: AbstractFileSystem, files: str) -> pa.Table:
    with duckdb.connect() as connection:
        connection.register_filesystem(store)
        return connection.sql(f"from '{files}'").to_arrow_table()


def with_polars(store: AbstractFileSystem, files: str) -> pa.Table:
    return polars.concat(polars.read_parquet(store.open(name)) for name in store.glob(files)).to_arrow()


def with_pandas(store: AbstractFileSystem, files: str) -> pa.Table:
    frames = [pandas.read_parquet(name, filesystem=store) for name in store.glob(files)]
    return pa.Table.from_pandas(pandas.concat(frames), preserve_index=False)


@pytest.mark.parametrize("folder", FILES)
@pytest.mark.parametrize("read", [with_duckdb, with_polars, with_pandas])
def test_every_reader_reads_the_rows_that_pyarrow_reads(
    read: Callable[[AbstractFileSystem, str], pa.Table], folder, place
):
    store = S3FileSystem(skip_instance_cache=True) if in_bucket(place) else LocalFileSystem()
    files = f"{'s3://' if in_bucket(place) else ''}{place}/bread/{FILES[folder]}"
    expected = pa.concat_tables(pq.ParquetFile(store.open(name)).read() for name in store.glob(files))
    found = read(store, files)
    assert found.column_names == expected.column_names
    by_trial = [("trial", "ascending")]
    for name in expected.column_names:
        column = expected.sort_by(by_trial)[name]
        if not pa.types.is_nested(column.type):
            assert found.sort_by(by_trial)[name].cast(column.type).to_pylist() == column.to_pylist()


def test_the_key_may_only_read(place):
    if not in_bucket(place):
        pytest.skip("who may write to a directory is decided by its permissions")
    with pytest.raises(PermissionError):
        S3FileSystem(skip_instance_cache=True).pipe_file(f"{place}/bread/other", b"")
