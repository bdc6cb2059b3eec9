"""Measure, and print the tables: `python -m benchmarks.speed run|table|large|gpu`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from benchmarks.peers import PeerIsNotInstalled
from benchmarks.seeds import seeds_of
from benchmarks.speed.contestants import RIVALS, UnknownPeer, contestants
from benchmarks.speed.gpu import measure_gpu
from benchmarks.speed.large import measure_large
from benchmarks.speed.origin import Origin
from benchmarks.speed.problem import Cell, grid
from benchmarks.speed.results import RESULTS, Row, latest_rounds, read, write
from benchmarks.speed.rounds import Question, play
from benchmarks.speed.seat import seated
from benchmarks.speed.table import tables


def run(asked: argparse.Namespace) -> None:
    """Play the rounds that have not been played yet, and store each as it ends."""
    cells = asked.cells or grid(asked.n, asked.d, asked.pending, asked.q)
    names = contestants(asked.peers, threads=asked.threads)
    questions = [(cell, seed) for cell in cells for seed in asked.seeds]
    if not asked.again:
        known = read(asked.results)
        questions = [q for q in questions if not played(q, [c.name for c in names], known)]
    path = asked.results / _file("grid")
    rows: list[Row] = []
    with seated(names, asked.threads, asked.limit) as seats:
        for more in play(seats, questions, Origin.here(), lambda line: print(line, flush=True)):
            rows += more
            write(rows, path)
    print(f"{len(questions)} rounds played; {path if rows else 'nothing new'}")


def played(question: Question, names: Sequence[str], rows: Sequence[Row]) -> bool:
    """Return whether the latest round of this cell and seed includes all requested contestants and was undisturbed."""
    cell, seed = question
    latest = latest_rounds(r for r in rows if (r.suite, r.cell, r.seed) == ("grid", cell, seed))
    return set(names) <= {row.contestant for row in latest} and not any(row.disturbed for row in latest)


def table(asked: argparse.Namespace) -> None:
    """Print the tables."""
    print(tables(read(asked.results)))


def large(asked: argparse.Namespace) -> None:
    """Measure ours alone at n = 5000."""
    write(measure_large(asked.contestants, asked.n, asked.threads, asked.limit), asked.results / _file("large"))


def gpu(asked: argparse.Namespace) -> None:
    """Measure ours and BoTorch on a CUDA device, if there is one."""
    rows = measure_gpu(asked.n, asked.limit)
    if rows:
        write(rows, asked.results / _file("gpu"))


def _file(suite: str) -> str:
    return f"{suite}-{uuid4().hex[:8]}.parquet"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="the folder of the Parquet files")
    commands = parser.add_subparsers(required=True)

    one = commands.add_parser("run", help="measure the grid, or a part of it")
    one.add_argument("--peers", nargs="*", default=list(RIVALS), metavar="NAME")
    one.add_argument("--cells", nargs="+", type=Cell.of, metavar="n/d/pending/q", help="instead of the grid")
    one.add_argument("--n", nargs="+", type=int, default=[25, 100, 300, 1000])
    one.add_argument("--d", nargs="+", type=int, default=[6, 20])
    one.add_argument("--pending", nargs="+", type=int, default=[0, 8])
    one.add_argument("--q", nargs="+", type=int, default=[1, 4])
    one.add_argument("--seeds", type=seeds_of, default="0-4", help="as 0-9 or 3 or 0,2,5")
    one.add_argument("--threads", type=int, default=2)
    one.add_argument("--limit", type=float, default=900.0, help="seconds that one answer may take")
    one.add_argument("--again", action="store_true", help="also play rounds that have been played")
    one.set_defaults(run=run)

    one = commands.add_parser("table", help="print the tables")
    one.set_defaults(run=table)

    one = commands.add_parser("large", help="measure ours alone at n = 5000, d = 20, 8 pending")
    one.add_argument("--contestants", nargs="+", default=["overnight default cold", "overnight MAP cold"])
    one.add_argument("--n", type=int, default=5000)
    one.add_argument("--threads", type=int, default=2)
    one.add_argument("--limit", type=float, default=3600.0)
    one.set_defaults(run=large)

    one = commands.add_parser("gpu", help="measure ours and BoTorch on a CUDA device")
    one.add_argument("--n", nargs="+", type=int, default=[1000, 5000, 10_000, 20_000])
    one.add_argument("--limit", type=float, default=1800.0)
    one.set_defaults(run=gpu)
    return parser


def main() -> None:
    """Run the requested command."""
    asked = _parser().parse_args()
    try:
        asked.run(asked)
    except (PeerIsNotInstalled, UnknownPeer) as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
