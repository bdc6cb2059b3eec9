"""The speed of a PostgreSQL server with given settings, compared with its defaults.

A cluster of its own, in the folder `cluster`, is made by the first evaluation. It listens on a socket in its folder and
on no network. Each evaluation starts the server twice: with the defaults and with the settings of the trial.
"""

import contextlib
import fcntl
import os
import shlex
import shutil
import statistics
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

CLUSTER = Path(__file__).with_name("cluster")
SCALE, ORDERS, CLIENTS, PORT = 10, 300_000, 8, 54329
WARM_UP, SECONDS = 1, 5
# The units in which the campaign's file has sizes.
UNITS = {
    "shared_buffers": "MB",
    "effective_cache_size": "MB",
    "max_wal_size": "MB",
    "work_mem": "kB",
    "wal_buffers": "kB",
    "bgwriter_delay": "ms",
}
# Scripts of pgbench, each with its share of all transactions: a payment, a look-up of a customer's orders, a report.
LOAD = {
    "payment": (
        60,
        rf"""\set account random(1, {100_000 * SCALE})
\set branch random(1, {SCALE})
\set teller random(1, {10 * SCALE})
\set amount random(-5000, 5000)
begin;
update pgbench_accounts set abalance = abalance + :amount where aid = :account;
update pgbench_tellers set tbalance = tbalance + :amount where tid = :teller;
update pgbench_branches set bbalance = bbalance + :amount where bid = :branch;
insert into pgbench_history (tid, bid, aid, delta, mtime)
    values (:teller, :branch, :account, :amount, current_timestamp);
end;
""",
    ),
    "look-up": (
        38,
        r"""\set customer random(1, 20000)
select id, item, amount from orders where customer = :customer order by ordered desc limit 10;
""",
    ),
    "report": (
        2,
        r"""\set region random(1, 50)
\set days random(1, 300)
select item, count(*), sum(amount) from orders join customers on customers.id = orders.customer
    where region = :region and ordered > date '2026-01-01' - :days group by item order by 3 desc limit 20;
""",
    ),
}
TABLES = f"""
create table customers as select id, 1 + (id * 7919) % 50 as region from generate_series(1, 20000) as id;
alter table customers add primary key (id);
create table orders as select id, 1 + (id::bigint * 7919) % 20000 as customer, (id::bigint * 104729) % 2000 as item,
    date '2026-01-01' - (id * 31) % 365 as ordered, ((id::bigint * 7907) % 10000) / 100.0 as amount,
    repeat(md5(id::text), 2) as note from generate_series(1, {ORDERS}) as id;
create index on orders (customer);
create index on orders (ordered);
"""


def evaluate(params: dict) -> dict:
    """Return the metrics of the settings and those of the defaults."""
    with only_one():
        make_cluster()
        default, own = measured({}, WARM_UP, SECONDS), measured(params, WARM_UP, SECONDS)
    return own | {f"default_{name}": value for name, value in default.items()}


def measured(settings: Mapping[str, object], warm_up: int, seconds: int) -> dict:
    """Return transactions in a second, p99 in milliseconds, and bytes of log for each transaction.

    There is no standard error: the seconds of one run do not show how much runs differ. The campaign learns that.
    """
    with server(settings):
        # Every measurement finds the tables as the first one did.
        sql("truncate pgbench_history; vacuum analyze pgbench_accounts, pgbench_tellers, pgbench_branches; checkpoint")
        pgbench(warm_up)
        position = sql("select pg_current_wal_lsn()")
        ends, latencies = pgbench(seconds)
        written = int(sql(f"select pg_wal_lsn_diff(pg_current_wal_lsn(), '{position}')::bigint"))
    counts = in_each_second(ends)
    return {
        "transactions_per_s": statistics.mean(counts),
        "p99_ms": statistics.quantiles(latencies, n=100)[98],
        "wal_bytes": written / len(latencies),
    }


def pgbench(seconds: int) -> tuple[list[int], list[float]]:
    """Put the load on the server; return the second in which each transaction ended, and its milliseconds."""
    with tempfile.TemporaryDirectory(dir=CLUSTER) as folder:
        os.chmod(folder, 0o777)
        files = [f"--file={CLUSTER / name}.sql@{share}" for name, (share, _) in LOAD.items()]
        options = ["--no-vacuum", f"--client={CLIENTS}", f"--time={seconds}", "--random-seed=2", "--log"]
        called("pgbench", *options, f"--log-prefix={folder}/log", *files, *at_server(), "bench")
        lines = [line.split() for file in Path(folder).iterdir() for line in file.read_text().splitlines()]
    return [int(line[4]) for line in lines], [int(line[2]) / 1000 for line in lines]


def in_each_second(ends: list[int]) -> list[int]:
    """Return how many transactions ended in each second but the first and the last, which are incomplete."""
    counts = Counter(ends)
    return [counts[second] for second in range(min(ends) + 1, max(ends))]


@contextmanager
def server(settings: Mapping[str, object]) -> Iterator[None]:
    """Run the server with settings; a server that does not start with them is a failed evaluation."""
    text = "".join(f" -c {name}={of_server(name, value)}" for name, value in settings.items())
    place = shlex.quote(f"unix_socket_directories={CLUSTER}")
    options = f"-p {PORT} -c listen_addresses= -c {place}{text}"
    log = CLUSTER / "server.log"
    try:
        called("pg_ctl", "-D", CLUSTER / "data", "-w", "-t", 30, "-l", log, "-o", options, "start")
    except RuntimeError:
        raise RuntimeError(f"the server does not start with these settings: {log.read_text()[-500:]}") from None
    try:
        yield
    finally:
        called("pg_ctl", "-D", CLUSTER / "data", "-w", "-m", "fast", "stop")


def of_server(name: str, value: object) -> str:
    """Return a value as the server's command line takes it."""
    text = {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
    return text + UNITS.get(name, "")


def make_cluster() -> None:
    """Make the cluster with its tables, unless it is there; what an interrupted attempt left is removed."""
    if (CLUSTER / "complete").exists():
        return
    shutil.rmtree(CLUSTER, ignore_errors=True)
    CLUSTER.mkdir()
    if os.getuid() == 0:
        shutil.chown(CLUSTER, "postgres")
    for name, (_, script) in LOAD.items():
        (CLUSTER / f"{name}.sql").write_text(script)
    called("initdb", "-D", CLUSTER / "data", "-A", "trust", "-E", "UTF8", "--no-locale")
    with server({"fsync": False, "max_wal_size": 4096}):
        called("createdb", *at_server(), "bench")
        called("pgbench", "--initialize", f"--scale={SCALE}", "--quiet", *at_server(), "bench")
        sql(TABLES)
        sql("vacuum analyze")
    (CLUSTER / "complete").touch()


def sql(text: str) -> str:
    """Run statements, each on its own, and return what the last one printed."""
    commands = [word for statement in text.split(";") if statement.strip() for word in ("-c", statement)]
    return called("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *at_server(), "-d", "bench", *commands).strip()


def at_server() -> list[str]:
    """Return the options of PostgreSQL's programs that reach the server."""
    return ["-h", str(CLUSTER), "-p", str(PORT)]


def called(program: str, *arguments: object) -> str:
    """Run a program of PostgreSQL, as the user `postgres` if we are root, whom the server refuses."""
    before = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    command = [*before, str(programs() / program), *map(str, arguments)]
    # The server keeps its output open; a pipe would never end.
    with tempfile.TemporaryFile("w+") as output:
        ended = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd="/")
        output.seek(0)
        if ended.returncode:
            raise RuntimeError(f"{program} ended with {ended.returncode}: {output.read()[-500:]}")
        return output.read()


def programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    if found := [folder for folder in folders if (folder / "initdb").exists()]:
        return found[-1]
    if (initdb := shutil.which("initdb")) and shutil.which("pgbench"):
        return Path(initdb).parent
    raise SystemExit("PostgreSQL is not installed. On Debian: apt-get install postgresql postgresql-contrib")


@contextmanager
def only_one() -> Iterator[None]:
    """Wait until no other evaluation uses the cluster, and end what a killed one left."""
    with CLUSTER.with_name("cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (CLUSTER / "data" / "postmaster.pid").exists():
            # If the machine went down with the server, only its file is left, and the next start removes that.
            with contextlib.suppress(RuntimeError):
                called("pg_ctl", "-D", CLUSTER / "data", "-w", "-m", "immediate", "stop")
        yield
