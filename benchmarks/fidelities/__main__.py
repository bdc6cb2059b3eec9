"""Compare campaigns with a fidelity: `python -m benchmarks.fidelities run` and `… table`.

`run` runs the campaigns that are not stored yet, each with a budget of 20 full evaluations. `table` prints the regrets
in Hartmann's functions, and the epochs that the network needs.
"""

import argparse
import contextlib
import time
from collections.abc import Iterator

from benchmarks.fidelities.digits import Digits
from benchmarks.fidelities.found import Found
from benchmarks.fidelities.hartmann import HARTMANNS
from benchmarks.fidelities.ours import OURS
from benchmarks.fidelities.pruned import PRUNED
from benchmarks.fidelities.results import store, stored
from benchmarks.fidelities.tables import DIGITS, epochs_table, regrets_table
from benchmarks.fidelities.task import Task
from benchmarks.peers import STUDIES, PeerProcess
from benchmarks.quality.run import commit, now
from benchmarks.seeds import seeds_of

BUDGET = 20
TASKS: dict[str, Task] = {**HARTMANNS, DIGITS: Digits()}
CONTESTANTS = (*OURS, *PRUNED)


def _cells(names: list[str]) -> list[str]:
    """Return the named cells; `hartmann` and `all` name several."""
    groups = {"hartmann": list(HARTMANNS), "all": list(TASKS)}
    return [cell for name in names for cell in groups.get(name, [name])]


def _missing(asked: argparse.Namespace) -> Iterator[tuple[int, str, str]]:
    """Yield the seed, cell and contestant of each campaign that is not stored, all of one seed first."""
    for seed in seeds_of(asked.seeds):
        for cell in _cells(asked.cells):
            for name in asked.contestants:
                if asked.again or (cell, asked.workers, seed) not in stored(name):
                    yield seed, cell, name


def _run(asked: argparse.Namespace) -> None:
    with contextlib.ExitStack() as stack:
        peer: PeerProcess | None = None
        for seed, cell, name in _missing(asked):
            task, began = TASKS[cell], time.process_time()
            if name in PRUNED:
                command = STUDIES["optuna-pruning"].command()
                peer = peer or stack.enter_context(PeerProcess(command, threads=1))
                found = PRUNED[name].run(peer, task, BUDGET, seed, asked.workers)
            else:
                found = OURS[name].run(task, BUDGET, seed, asked.workers)
            seconds = time.process_time() - began
            _keep(found, task, seconds, {"contestant": name, "cell": cell, "workers": asked.workers, "seed": seed})


def _keep(found: Found, task: Task, seconds: float, campaign: dict[str, str | int]) -> None:
    regret = found.regret(task)
    columns = {
        "levels": [each.level for each in found.measured],
        "losses": [each.loss for each in found.measured],
        "costs": [each.cost for each in found.measured],
    }
    store({**campaign, "regret": regret, **columns, "seconds": seconds, "commit": commit(), "date": now()})
    trials, spent = len(found.measured), found.spent[-1]
    print(*campaign.values(), f"regret {regret:.4g}, {trials} results for {spent:.2f}, {seconds:.1f} s", flush=True)


def main() -> None:
    """Run campaigns or print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["run", "table"])
    parser.add_argument("--seeds", default="0-11")
    parser.add_argument("--cells", nargs="+", default=["hartmann"], choices=["hartmann", "all", *TASKS])
    parser.add_argument("--contestants", nargs="+", default=list(CONTESTANTS), choices=CONTESTANTS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="run also what is stored")
    asked = parser.parse_args()
    if asked.command == "run":
        _run(asked)
        return
    print(*regrets_table(list(HARTMANNS), CONTESTANTS, asked.workers), sep="\n")
    print(*epochs_table(CONTESTANTS, asked.workers, BUDGET), sep="\n")


if __name__ == "__main__":
    main()
