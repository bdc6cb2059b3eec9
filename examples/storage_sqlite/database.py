"""The speed of an SQLite database under a mix of writes and reads, measured on the disk at hand.

`synchronous` is always EXTRA, so a commit that was acknowledged survives a loss of power. FULL, SQLite's default, does
not promise that with the journal mode DELETE: the deleted journal may come back and undo the commit. `synchronous` is
no parameter: a search for speed would turn it off.
"""

import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

ROWS, KEYS = 20_000, 100_000
WARM_UP, SECONDS = 0.2, 1.0


def evaluate(params: dict, seconds: float = SECONDS) -> dict[str, float]:
    """Return operations in a second, and the 99th percentile of the milliseconds that a transaction took."""
    # The folder of a trial lies on the disk that is measured; the system's temporary folder may be in memory.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, closing(opened(Path(folder), params)) as database:
        drawn = random.Random(1)
        fill(database, drawn)
        operations = one_after_another(drawn)
        transactions(database, operations, params["batch"], WARM_UP)
        taken = transactions(database, operations, params["batch"], seconds)
    return {
        "ops_per_s": params["batch"] * len(taken) / sum(taken),
        "p99_ms": 1000 * percentile_99(taken),
    }


def opened(folder: Path, params: dict) -> sqlite3.Connection:
    """Return a new database with these settings; the order matters, since a log fixes the size of a page."""
    database = sqlite3.connect(folder / "table.db", isolation_level=None)
    settings = {
        "page_size": params["page_size"],
        "journal_mode": params["journal_mode"],
        "synchronous": "extra",
        "cache_size": -params["cache_kib"],
        "mmap_size": params["mmap_mib"] * 2**20,
    }
    if "wal_autocheckpoint" in params:
        settings["wal_autocheckpoint"] = params["wal_autocheckpoint"]
    for name, value in settings.items():
        answer = database.execute(f"pragma {name} = {value}").fetchone()
        # Some file systems allow no log. SQLite then keeps the mode that it has, and raises nothing.
        if name == "journal_mode" and answer != (value,):
            raise RuntimeError(f"expected the journal mode {value}, which was asked for, found {answer[0]}")
    return database


def fill(database: sqlite3.Connection, drawn: random.Random) -> None:
    """Write the table in one transaction."""
    database.execute("create table entries (id integer primary key, key int, body blob)")
    database.execute("create index by_key on entries (key)")
    rows = ((drawn.randrange(KEYS), drawn.randbytes(drawn.randrange(50, 800))) for _ in range(ROWS))
    database.execute("begin")
    database.executemany("insert into entries (key, body) values (?, ?)", rows)
    database.execute("commit")


def one_after_another(drawn: random.Random) -> Iterator[tuple[str, tuple]]:
    """Yield operations without end: half are updates, a tenth are insertions, and the others read a range."""
    while True:
        kind, key = drawn.random(), drawn.randrange(KEYS)
        if kind < 0.5:
            row = (key, drawn.randbytes(200), drawn.randrange(1, ROWS))
            yield "update entries set key = ?, body = ? where id = ?", row
        elif kind < 0.6:
            yield "insert into entries (key, body) values (?, ?)", (key, drawn.randbytes(300))
        else:
            yield "select count(*), sum(length(body)) from entries where key between ? and ?", (key, key + 500)


def transactions(
    database: sqlite3.Connection, operations: Iterator[tuple[str, tuple]], batch: int, seconds: float
) -> list[float]:
    """Run transactions of so many operations for a while, at least two, and return how many seconds each took."""
    taken: list[float] = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends or len(taken) < 2:
        statements = [next(operations) for _ in range(batch)]
        began = time.perf_counter()
        database.execute("begin immediate")
        for statement, values in statements:
            database.execute(statement, values).fetchall()
        database.execute("commit")
        taken.append(time.perf_counter() - began)
    return taken


def percentile_99(taken: list[float]) -> float:
    """Return the 99th percentile, which is never longer than the longest, however few there are."""
    return statistics.quantiles(taken, n=100, method="inclusive")[98]
