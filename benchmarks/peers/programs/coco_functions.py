"""Evaluate a function of COCO's suite bbob-constrained: JSON lines in, JSON lines out, with `python coco_functions.py`.

`open` selects a function by its number, its dimension and its instance. It answers with the bounds of the parameters
and the least feasible value. `evaluate` answers with the value and the limited metrics of each point, which are at most
0 at feasible points.
"""

import argparse
import json
import sys
import tempfile
from contextlib import chdir
from typing import Any

import cocoex
import numpy as np
from answer import claim_stdout


class Function:
    """One function of the suite."""

    def __init__(self, request: dict[str, Any]):
        wanted = "dimensions:{dimension} instance_indices:{instance} function_indices:{function}".format(**request)
        # The problem's memory is that of its suite, which must live as long.
        self.suite = cocoex.Suite("bbob-constrained", "", wanted)
        self.problem = self.suite.get_problem(0)

    def opened(self) -> dict[str, Any]:
        """Return the bounds and the least feasible value."""
        # The library only writes its optimum to a file in the working directory.
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            self.problem._best_parameter("print")
            best = np.loadtxt("._bbob_problem_best_parameter.txt")
        return {
            "low": list(self.problem.lower_bounds),
            "high": list(self.problem.upper_bounds),
            "limits": self.problem.number_of_constraints,
            "least": self.problem(best),
        }

    def evaluated(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the values and limited metrics of points."""
        points = np.array(request["points"])
        return {
            "values": [float(self.problem(point)) for point in points],
            "limited": [list(map(float, self.problem.constraint(point))) for point in points],
        }


def main() -> None:
    """Answer every line until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int)
    parser.parse_args()
    answers, function = claim_stdout(), None
    for line in sys.stdin:
        request = json.loads(line)
        if request["op"] == "open":
            function = Function(request)
            answer = function.opened()
        else:
            assert function is not None
            answer = function.evaluated(request)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
