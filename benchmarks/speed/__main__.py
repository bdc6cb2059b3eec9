"""Measure, and print the tables: `python -m benchmarks.speed run|goals|table|large|gpu`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import torch

from benchmarks.peers import PeerIsNotInstalled
from benchmarks.seeds import seeds_of
from benchmarks.speed.contestants import AX, BOTORCH, OPTUNA, RIVALS, UnknownPeer, contestants, of_goals
from benchmarks.speed.goals.questions import KINDS
from benchmarks.speed.goals.rounds import play as play_kind
from benchmarks.speed.gpu import Setting, measure_gpu
from benchmarks.speed.gpu.parts import PARTS
from benchmarks.speed.large import measure_large
from benchmarks.speed.origin import Origin
from benchmarks.speed.problem import Cell, grid
from benchmarks.speed.results import RESULTS, Row, latest_rounds, read, write
from benchmarks.speed.rounds import Question, play
from benchmarks.speed.seat import seated
from benchmarks.speed.table import tables

_GPU = """Measure everything that needs a GPU, each part in a process of its own, in order of value: equality with the
CPU, many campaigns refitted at once, ask times of ours and BoTorch, and the slot, the work pool and a GPU as a resource
of evaluations. The files in --out (gpu.md, gpu-lines.parquet, gpu-asks.parquet, gpu.log) are rewritten after every
finding, so that a killed run leaves a valid report. The machine needs no network, but Python 3.11 or newer, PyTorch
with CUDA, and the packages that benchmarks/README.md lists; a part without its packages is reported as such."""


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


def goals(asked: argparse.Namespace) -> None:
    """Play rounds of every question about goals and spaces, and store each as it ends."""
    path = asked.results / _file("goals")
    rows: list[Row] = []
    for kind in map(KINDS.__getitem__, asked.kinds):
        peers = [peer for peer in asked.peers if peer in kind.peers]
        with seated(of_goals(peers, asked.threads, native=kind.space), asked.threads, asked.limit) as seats:
            for more in play_kind(kind, seats, asked.seeds, Origin.here(), lambda line: print(line, flush=True)):
                rows += more
                write(rows, path)


def table(asked: argparse.Namespace) -> None:
    """Print the tables."""
    print(tables(read(asked.results)))


def large(asked: argparse.Namespace) -> None:
    """Measure ours alone at n = 5000."""
    write(measure_large(asked.contestants, asked.n, asked.threads, asked.limit), asked.results / _file("large"))


def gpu(asked: argparse.Namespace) -> None:
    """Measure everything that needs a GPU, if there is one."""
    if asked.device == "cuda" and not torch.cuda.is_available():
        print("No CUDA device was found; nothing was measured. `--device cpu` tries the command without one.")
        return
    origin = Origin.here()
    setting = Setting(
        device=asked.device,
        sizes=tuple(asked.sizes),
        campaigns=asked.campaigns,
        campaign_size=asked.campaign_size,
        alone=asked.alone,
        rival_seconds=asked.rival_limit,
        command=origin.command,
        commit=asked.commit or origin.commit,
    )
    measure_gpu(setting, asked.out, asked.limit, [part for part in PARTS if part.name in asked.parts])


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

    one = commands.add_parser("goals", help="measure asks under limits, with several objectives, and in mixed spaces")
    one.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS), help="instead of all")
    one.add_argument("--peers", nargs="*", default=[BOTORCH, AX, OPTUNA], metavar="NAME")
    one.add_argument("--seeds", type=seeds_of, default="0-4", help="as 0-9 or 3 or 0,2,5")
    one.add_argument("--threads", type=int, default=1)
    one.add_argument("--limit", type=float, default=900.0, help="seconds that one answer may take")
    one.set_defaults(run=goals)

    one = commands.add_parser("table", help="print the tables")
    one.set_defaults(run=table)

    one = commands.add_parser("large", help="measure ours alone at n = 5000, d = 20, 8 pending")
    one.add_argument("--contestants", nargs="+", default=["overnight default cold", "overnight MAP cold"])
    one.add_argument("--n", type=int, default=5000)
    one.add_argument("--threads", type=int, default=2)
    one.add_argument("--limit", type=float, default=3600.0)
    one.set_defaults(run=large)

    _gpu_parser(commands)
    return parser


def _gpu_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    usual, names = Setting(), [part.name for part in PARTS]
    one = commands.add_parser("gpu", help="measure everything that needs a GPU, in 8 minutes", description=_GPU)
    one.add_argument("--out", type=Path, required=True, help="the folder of the report, its tables and the log")
    one.add_argument("--device", choices=("cuda", "cpu"), default=usual.device, help="cpu tries the command")
    one.add_argument("--limit", type=float, default=480.0, help="seconds for everything")
    one.add_argument("--parts", nargs="+", default=names, choices=names, help="instead of all")
    one.add_argument("--sizes", nargs="+", type=int, default=usual.sizes, help="numbers of observations of asks")
    one.add_argument("--campaigns", type=int, default=usual.campaigns, help="campaigns refitted together")
    one.add_argument("--campaign-size", type=int, default=usual.campaign_size, help="observations of the largest")
    one.add_argument("--alone", type=int, default=usual.alone, help="campaigns that are also refitted one by one")
    one.add_argument("--rival-limit", type=float, default=usual.rival_seconds, help="seconds for an ask of BoTorch")
    one.add_argument("--commit", default="", help="the commit of this copy, if it is not a git checkout")
    one.set_defaults(run=gpu)


def main() -> None:
    """Run the requested command."""
    asked = _parser().parse_args()
    try:
        asked.run(asked)
    except (PeerIsNotInstalled, UnknownPeer) as missing:
        sys.exit(str(missing))


if __name__ == "__main__":
    main()
