"""Ask BoTorch, used as documented, on a device: `python -m benchmarks.speed.gpu.botorch_asks`, for the GPU table.

The peer of the other tables runs on the CPU in an environment of its own. This one needs the CUDA build of PyTorch in
our environment, and it answers the same protocol.
"""

import argparse
import json
import sys
import time
from importlib.metadata import version
from typing import Any

import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.fit import fit_gpytorch_mll
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf
from gpytorch.mlls import ExactMarginalLogLikelihood

from benchmarks.speed.worker import WARM_UP

_LIBRARIES = ("botorch", "gpytorch", "torch")


def answer(question: dict[str, Any], device: torch.device) -> dict[str, Any]:
    """Return the points, and the seconds from tensors on the device to points."""
    if question["op"] == "versions":
        return {"versions": {name: version(name) for name in _LIBRARIES}}
    torch.manual_seed(question["seed"])
    X = torch.tensor(question["X"], dtype=torch.double, device=device)
    y = torch.tensor(question["y"], dtype=torch.double, device=device).unsqueeze(-1)
    y = -(y - y.mean()) / y.std()
    pending = torch.tensor(question["pending"], dtype=torch.double, device=device) if question["pending"] else None
    began = time.perf_counter()
    model = SingleTaskGP(X, y, outcome_transform=None)
    fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    acquisition = qLogNoisyExpectedImprovement(model, X_baseline=X, X_pending=pending)
    bounds = torch.stack([torch.zeros_like(X[0]), torch.ones_like(X[0])])
    found, _ = optimize_acqf(
        acquisition, bounds=bounds, q=question["q"], num_restarts=10, raw_samples=512, sequential=True
    )
    points = found.tolist()
    seconds = time.perf_counter() - began
    if device.type == "cuda":
        # The next contestant needs the memory of the same card.
        del model, acquisition, X, y, found, pending
        torch.cuda.empty_cache()
    return {"points": points, "seconds": seconds, "fit": None, "threads": torch.get_num_threads()}


def main() -> None:
    """Answer until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    device = torch.device(asked.device)
    answer({"op": "ask", **WARM_UP}, device)
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), device)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
