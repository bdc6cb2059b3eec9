"""Train a network with one hidden layer on the handwritten digits that ship with scikit-learn.

The state after the last epoch is kept, with the random numbers that come next. A training that continues from it
therefore ends with the same network as one that was never interrupted.
"""

import json
import os
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from overnight import Infeasible

VALIDATED = 597
CLASSES = 10


def train(params: dict, seed: int, resume_from: dict | None) -> dict:
    """Return the loss and the error on pictures that were not trained on, and the file of the network's state."""
    file = Path(os.environ["EVAL_ARTIFACTS"]) / "network.npz"
    earlier = None if resume_from is None else Path(resume_from["artifacts"][0])
    loss, error = trained(params, seed, earlier, file)
    return {"metrics": {"loss": loss, "error": error}, "artifacts": [file.name]}


def trained(params: dict, seed: int, earlier: Path | None, file: Path) -> tuple[float, float]:
    """Train from the start or from an earlier state, up to `epochs`; store the state and return loss and error."""
    (X, y), validation = _digits()
    network = begun(params, seed) if earlier is None else Network.load(earlier)
    while network.epoch < params["epochs"]:
        network.learn_an_epoch(X, y, params)
    loss, error = network.judged(*validation)
    if not np.isfinite(loss):
        raise Infeasible(f"the training diverged: after {network.epoch} epochs the loss is {loss}")
    network.save(file)
    return loss, error


class Network:
    """The weights of two layers, their velocities, the source of random numbers, and the epochs so far."""

    def __init__(self, weights: list, velocities: list, random: np.random.Generator, epoch: int) -> None:
        self.weights, self.velocities, self.random, self.epoch = weights, velocities, random, epoch

    def learn_an_epoch(self, X: np.ndarray, y: np.ndarray, params: dict) -> None:
        """Learn from every picture once, in a new order, by gradient descent with momentum."""
        order = self.random.permutation(len(X))
        with np.errstate(all="ignore"):
            for start in range(0, len(X), params["batch"]):
                picked = order[start : start + params["batch"]]
                for i, slope in enumerate(self._gradient(X[picked], y[picked])):
                    slope += params["weight_decay"] * self.weights[i]
                    self.velocities[i] = params["momentum"] * self.velocities[i] - params["learning_rate"] * slope
                    self.weights[i] = self.weights[i] + self.velocities[i]
        self.epoch += 1

    def judged(self, X: np.ndarray, y: np.ndarray) -> tuple[float, float]:
        """Return the mean cross-entropy and the share of wrong answers."""
        with np.errstate(all="ignore"):
            _, shares = self._answers(X)
        return float(-np.log(shares[np.arange(len(y)), y] + 1e-12).mean()), float((shares.argmax(1) != y).mean())

    def _answers(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first, shift, second, bias = self.weights
        hidden = np.maximum(X @ first + shift, 0.0)
        scores = hidden @ second + bias
        raised = np.exp(scores - scores.max(1, keepdims=True))
        return hidden, raised / raised.sum(1, keepdims=True)

    def _gradient(self, X: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
        hidden, shares = self._answers(X)
        shares[np.arange(len(y)), y] -= 1.0
        shares /= len(y)
        back = (shares @ self.weights[2].T) * (hidden > 0)
        return [X.T @ back, back.sum(0), hidden.T @ shares, shares.sum(0)]

    def save(self, file: Path) -> None:
        """Store everything that the next epoch depends on."""
        arrays = {f"weights_{i}": array for i, array in enumerate(self.weights)}
        arrays |= {f"velocities_{i}": array for i, array in enumerate(self.velocities)}
        np.savez(file, epoch=self.epoch, random=json.dumps(self.random.bit_generator.state), **arrays)

    @classmethod
    def load(cls, file: Path) -> "Network":
        """Return the network of a file."""
        with np.load(file) as stored:
            weights, velocities = ([stored[f"{name}_{i}"] for i in range(4)] for name in ("weights", "velocities"))
            random = np.random.default_rng()
            random.bit_generator.state = json.loads(str(stored["random"]))
            return cls(weights, velocities, random, int(stored["epoch"]))


def begun(params: dict, seed: int) -> Network:
    """Return an untrained network."""
    random, pixels, hidden = np.random.default_rng(seed), 64, params["hidden"]
    weights = [
        random.normal(0, np.sqrt(2 / pixels), (pixels, hidden)),
        np.zeros(hidden),
        random.normal(0, np.sqrt(1 / hidden), (hidden, CLASSES)),
        np.zeros(CLASSES),
    ]
    return Network(weights, [np.zeros_like(array) for array in weights], random, 0)


def _digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = np.asarray(X)[order] / 16.0, np.asarray(y)[order]
    return (X[VALIDATED:], y[VALIDATED:]), (X[:VALIDATED], y[:VALIDATED])
