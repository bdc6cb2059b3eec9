"""Answer questions about goals with this project's own `propose`: `python -m benchmarks.speed.goals.worker`.

A question names a kind and a seed, from which the program makes the same data as the peers are given. `small` asks the
small question of that kind.
"""

import argparse
import time
from typing import Any

import torch

from benchmarks.speed.goals.questions import KINDS, known
from benchmarks.speed.worker import answer_lines, proposer_of
from overnight.bo_core.propose import propose


def answer(question: dict[str, Any], *, warm: bool) -> dict[str, Any]:
    """Return the point, the seconds of `propose` alone, and the provenance of the point as its fit.

    A warm ask finds in its history the provenance of a proposal that was made with one result fewer.
    """
    kind, proposer = KINDS[question["kind"]], proposer_of("default", "cpu")
    asked = known(kind.small if question["small"] else kind, question["seed"])
    provenance = None
    if warm:
        provenance = propose(asked.campaign, asked.before_the_last_result().history(), proposer, 1)[0].provenance
    history = asked.history(provenance)
    began, busy = time.perf_counter(), time.process_time()
    [proposal] = propose(asked.campaign, history, proposer, 1)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - busy
    made = proposal.provenance
    if proposal.generator != "model" or made is None:
        raise RuntimeError(f"expected a point of the model, got one by {proposal.generator}")
    return {
        "points": [dict(proposal.point)],
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "fit": made.model_dump(mode="json"),
        "threads": made.stack.threads,
    }


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--start", choices=("cold", "warm"), default="cold")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    answer_lines(lambda question: answer(question, warm=asked.start == "warm"))


if __name__ == "__main__":
    main()
