"""The command line `python -m benchmarks.quality`, which measures the quality of campaigns."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.seeds import seeds_of

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def main() -> int:
    """Run the requested command and return the exit status."""
    asked = _asked()
    # Set before torch and numpy are imported, here and in child processes, because they read it only at import.
    for name in _ONE_THREAD:
        os.environ[name] = "1"
    from benchmarks.quality import commands

    return commands.COMMANDS[asked.pop("command")](**asked)


def _asked() -> dict[str, Any]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description="What campaigns find.")
    parser.add_argument("--folder", type=Path, default=Path("benchmarks/results/quality"))
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run the campaigns that are not stored yet")
    run.add_argument(
        "--contestants", nargs="+", default=["overnight", "sobol"], help="names, or `all` that are installed"
    )
    run.add_argument(
        "--cells",
        nargs="+",
        default=["grid"],
        help="names of cells, `grid`, `added`, `against-advice`, `failing`, `costly`, `constrained`, `fronts`, "
        "`spaces` or `all`",
    )
    run.add_argument("--seeds", type=seeds_of, default="0-9", help="as 0-9 or 3 or 0,2,5")
    run.add_argument("--jobs", type=int, default=1, help="processes at once, of one thread each")
    run.add_argument("--again", action="store_true", help="run what is stored, too")
    run.add_argument("--charge", action="store_true", help="let proposals take their real time in virtual time")
    rejudge = commands.add_parser("rejudge", help="judge stored campaigns by our present recommendation")
    rejudge.add_argument("--contestants", nargs="+", default=["all"])
    commands.add_parser("table", help="write the tables and print them")
    calibration = commands.add_parser("calibration", help="compare the beliefs about recommendations with the truth")
    calibration.add_argument("--jobs", type=int, default=2, help="processes at once, of one thread each")
    commands.add_parser("failing", help="compare learning which points fail with not learning it")
    commands.add_parser("costly", help="compare reckoning with costs with not doing so, at the same total cost")
    commands.add_parser("constrained", help="compare what contestants find under limits, and the infeasible trials")
    commands.add_parser("fronts", help="compare the hypervolumes that contestants find with several objectives")
    commands.add_parser("spaces", help="compare what contestants find in spaces with branches and constraints")
    commands.add_parser("plot", help="draw regret over trials")
    gate = commands.add_parser("gate", help="run what the gate needs of a change, and print its verdict")
    gate.add_argument("--cells", nargs="+", default=[], help="a part of the gate's cells, or `grid` or `added`")
    gate.add_argument("--seeds", type=seeds_of, help="a part of the development block")
    gate.add_argument("--jobs", type=int, default=1, help="processes at once, of one thread each")
    gate.add_argument("--confirm", action="store_true", help="run a fresh block, after a complete development block")
    gate.add_argument("--again", metavar="WHY", help="confirm on the next fresh block, for a reason that is recorded")
    verdict = commands.add_parser("verdict", help="print the gate's verdict on a change from what is stored")
    for parser_of_gate in (gate, verdict):
        parser_of_gate.add_argument("--change", required=True, help="a name in benchmarks/quality/changes.py")
        parser_of_gate.add_argument("--folder", type=Path, default=Path("benchmarks/results/gate"))
    return vars(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
