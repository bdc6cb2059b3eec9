"""Answer with this project's own `propose`, in a process of its own: `python -m benchmarks.speed.worker`.

It uses the protocol of the peers' programs: one JSON object a line, a question in, an answer out.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import torch

from benchmarks.speed.told import Told, told_history
from overnight.bo_core import BayesianProposer
from overnight.bo_core.propose import propose
from overnight.campaign import History, Proposal
from overnight.campaign.history.provenance import Provenance

# As small as the problem with which the peers' programs warm up.
WARM_UP = {
    "X": [[0.1, 0.2], [0.9, 0.3], [0.4, 0.8], [0.6, 0.5], [0.2, 0.6], [0.7, 0.9]],
    "y": [0.3, -0.4, 1.2, 0.1, 0.5, 0.9],
    "pending": [[0.5, 0.1]],
    "d": 2,
    "q": 1,
    "seed": 0,
}


def proposer_of(mode: str, device: str) -> BayesianProposer:
    """Return the settings of a mode: `map`, with BoTorch's kernel, priors and a single start, or `default`.

    `initial` is 1, because the history already holds enough points.
    """
    plain = BayesianProposer.model_validate({"initial": 1, "device": device})
    if mode == "default":
        return plain
    like_botorch = {"kernel": "rbf", "prior": "loose", "hyperparameters": "map", "starts": 1}
    without = {"replication": "never", "warping": "never", "outliers": "believe"}
    return BayesianProposer.model_validate({**plain.model_dump(), **like_botorch, **without})


def answer(question: dict[str, Any], proposer: BayesianProposer, warm: bool) -> dict[str, Any]:
    """Return the points, the seconds of `propose` alone, and the fit if there is a single one."""
    told = Told.of(question)
    provenance = _earlier(told, proposer) if warm else None
    history = told_history(told, provenance)
    began, busy = time.perf_counter(), time.process_time()
    proposals = propose(told.campaign, history, proposer, told.q)
    _finish()
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - busy
    names = list(proposals[0].point)
    points = [[float(p.point[name]) for name in names] for p in proposals]
    made = proposals[0].provenance
    return {
        "points": points,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "fit": _fit(proposals[0]),
        "threads": None if made is None else made.stack.threads,
    }


def _earlier(told: Told, proposer: BayesianProposer) -> Provenance | None:
    """Return the provenance of a proposal made when one result fewer was known and its trial was still running."""
    history: History = told_history(told.with_the_last_one_pending(), None)
    return propose(told.campaign, history, proposer, 1)[0].provenance


def _fit(proposal: Proposal) -> dict[str, Any] | None:
    """Return the one set of hyperparameters; None if a proposal averages over several or has none.

    The constant mean is not included: it is the generalised least-squares mean, which follows from the others.
    """
    models = {} if proposal.provenance is None else proposal.provenance.models.metrics
    recorded = next((model.hyperparameters for model in models.values()), None)
    if recorded is None or len(recorded["log_noise_variance"]) != 1:
        return None
    return {
        "lengthscales": [math.exp(x) for x in recorded["log_length_scales"]],
        "noise": math.exp(recorded["log_noise_variance"][0]),
        "mean": None,
    }


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--mode", choices=("map", "default"), default="map")
    parser.add_argument("--start", choices=("cold", "warm"), default="cold")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    proposer = proposer_of(asked.mode, asked.device)
    with suppress(Exception):
        # The cost of a first call is not measured. If this fails, the following questions fail too, with the reason.
        answer(WARM_UP, proposer, asked.start == "warm")
    answer_lines(lambda question: answer(question, proposer, asked.start == "warm"))


def answer_lines(answered: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Answer every line until the input ends; a failure is an answer too."""
    for line in sys.stdin:
        question = json.loads(line)
        try:
            reply = {"versions": {}} if question["op"] == "versions" else answered(question)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
