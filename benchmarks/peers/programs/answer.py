"""Answer a benchmark's questions with one peer: JSON lines in, JSON lines out, with `python answer.py PEER_MODULE`.

The program runs in the peer's own virtual environment, without any part of this project. A peer module provides
`PACKAGES`, whose versions matter, and `rebuild(told) -> Session`.
"""

import argparse
import dataclasses
import importlib
import importlib.util
import json
import os
import sys
import time
import traceback
from importlib.metadata import version
from types import ModuleType
from typing import Any, TextIO

from native.space_told import SpaceTold
from told import Told

WARM_UP = Told(
    d=2,
    X=[[0.1, 0.2], [0.9, 0.3], [0.4, 0.8], [0.6, 0.5], [0.2, 0.6], [0.7, 0.9]],
    y=[0.3, -0.4, 1.2, 0.1, 0.5, 0.9],
    pending=[[0.5, 0.1]],
    failed=[],
    seed=0,
)


def main() -> None:
    """Warm up, then answer every line until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peer", help="the module of the peer, in the folder of this file")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    answers = claim_stdout()
    peer = load(asked.peer, asked.threads)
    warm_up(peer)
    for line in sys.stdin:
        print(json.dumps(answer(peer, json.loads(line))), file=answers, flush=True)


def claim_stdout() -> TextIO:
    """Reserve the protocol's stream for answers and redirect all other output, including output from C, to stderr."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def load(name: str, threads: int) -> ModuleType:
    """Import the peer with limited thread pools, which read the environment when they are loaded."""
    for variable in ("OMP", "MKL", "OPENBLAS", "NUMEXPR", "RAYON"):
        os.environ[f"{variable}_NUM_THREADS"] = str(threads)
    os.environ["DO_NOT_TRACK"] = "1"
    if importlib.util.find_spec("torch"):
        importlib.import_module("torch").set_num_threads(threads)
    return importlib.import_module(name)


def warm_up(peer: ModuleType) -> None:
    """Make one small throw-away ask and recommendation, so that the cost of a first call is not measured later.

    A native peer needs a space for that, and only its caller knows one.
    """
    if peer.__name__.startswith("native."):
        return
    try:
        session = peer.rebuild(WARM_UP)
        session.ask(1)
        session.recommend()
    except Exception:
        # The following questions meet the same failure and answer with it.
        traceback.print_exc()


def answer(peer: ModuleType, request: dict[str, Any]) -> dict[str, Any]:
    """Answer one question; a failure of the library is an answer too."""
    try:
        match request["op"]:
            case "ask":
                return answer_ask(peer, request)
            case "recommend":
                return answer_recommend(peer, request)
            case "versions":
                return {"name": peer.__name__, "versions": {name: version(name) for name in peer.PACKAGES}}
            case other:
                raise ValueError(f"op: expected ask, recommend or versions, got {other!r}")
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def answer_ask(peer: ModuleType, request: dict[str, Any]) -> dict[str, Any]:
    """Ask for q points; the clock starts after the library's state has been rebuilt."""
    session = peer.rebuild(told_by(request))
    began, busy = time.perf_counter(), time.process_time()
    points, fit = session.ask(request["q"])
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - busy
    return {
        "points": points,
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "fit": dataclasses.asdict(fit) if fit else None,
        "threads": threads_in_use(),
    }


def answer_recommend(peer: ModuleType, request: dict[str, Any]) -> dict[str, Any]:
    """Ask for the indices of the points that the library recommends."""
    session = peer.rebuild(told_by(request))
    began = time.perf_counter()
    indices = session.recommend()
    return {"indices": indices, "seconds": time.perf_counter() - began}


def told_by(request: dict[str, Any]) -> Told | SpaceTold:
    """Read the problem from a request, on the unit cube or in the parameters themselves."""
    if "parameters" in request:
        return SpaceTold(**{name: value for name, value in request.items() if name not in ("op", "q")})
    return Told(
        d=request["d"],
        X=request["X"],
        y=request["y"],
        pending=request["pending"],
        failed=request.get("failed", []),
        seed=request["seed"],
        further=request.get("further", []),
        worst=request.get("worst", []),
        limited=request.get("limited", {}),
        exact=request.get("exact", False),
    )


def threads_in_use() -> int:
    """Return how many threads a matrix product may use."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else int(os.environ["OMP_NUM_THREADS"])


if __name__ == "__main__":
    main()
