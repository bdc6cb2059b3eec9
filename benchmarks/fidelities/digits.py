"""A small network that reads handwritten digits: real epochs on the data set that scikit-learn ships.

One hidden layer, dropout, stochastic gradient descent with momentum. The loss is the mean cross-entropy on 797 images
that are not trained on, after so many epochs on the other 1,000. The same point always has the same losses.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from benchmarks.fidelities.task import Point

Matrix = NDArray[np.float32]
_TRAINED_ON = 1000
# The loss of a network that has diverged; guessing has log 10 = 2.3.
_WORST = 5.0


@cache
def _images() -> tuple[Matrix, NDArray[np.int64], Matrix, NDArray[np.int64]]:
    """Return the images and digits to train on, and those to judge by."""
    images, digits = (np.asarray(each) for each in load_digits(return_X_y=True))
    order = np.random.default_rng(0).permutation(len(images))
    X, y = (images[order] / 16.0).astype(np.float32), digits[order].astype(np.int64)
    return X[:_TRAINED_ON], y[:_TRAINED_ON], X[_TRAINED_ON:], y[_TRAINED_ON:]


def _probabilities(logits: Matrix) -> Matrix:
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


class Network:
    """A network in training: its weights, and the loss after each epoch so far."""

    def __init__(self, point: Point) -> None:
        text = repr(sorted(point.items()))
        self._random = np.random.default_rng(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))
        self._point, width = point, int(point["width"])
        self._weights = [self._drawn(64, width), np.zeros(width, np.float32)]
        self._weights += [self._drawn(width, 10), np.zeros(10, np.float32)]
        self._speeds = [np.zeros_like(each) for each in self._weights]
        self.losses: list[float] = []

    def loss_after(self, epochs: int) -> float:
        """Return the loss after so many epochs; train on as far as that needs."""
        with np.errstate(over="ignore", invalid="ignore"):
            while len(self.losses) < epochs:
                self._epoch()
                self.losses.append(self._loss())
        return self.losses[epochs - 1]

    def _drawn(self, inputs: int, outputs: int) -> Matrix:
        return (self._random.standard_normal((inputs, outputs)) * math.sqrt(2.0 / inputs)).astype(np.float32)

    def _epoch(self) -> None:
        X, y, _, _ = _images()
        order = self._random.permutation(len(X))
        for batch in np.split(order, range(int(self._point["batch"]), len(X), int(self._point["batch"]))):
            self._step(X[batch], y[batch])

    def _step(self, X: Matrix, y: NDArray[np.int64]) -> None:
        first, first_bias, second, second_bias = self._weights
        kept = 1.0 - float(self._point["dropout"])
        mask = (self._random.random((len(X), len(first_bias))) < kept).astype(np.float32) / np.float32(kept)
        hidden = np.maximum(X @ first + first_bias, 0.0) * mask
        error = _probabilities(hidden @ second + second_bias)
        error[np.arange(len(y)), y] -= 1.0
        error /= len(y)
        back = (error @ second.T) * mask * (hidden > 0)
        slopes = [X.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]
        rate, momentum = np.float32(self._point["learning_rate"]), np.float32(self._point["momentum"])
        decay = np.float32(self._point["weight_decay"])
        for weights, speed, slope in zip(self._weights, self._speeds, slopes, strict=True):
            speed *= momentum
            speed -= rate * (slope + decay * weights)
            weights += speed

    def _loss(self) -> float:
        _, _, X, y = _images()
        first, first_bias, second, second_bias = self._weights
        chances = _probabilities(np.maximum(X @ first + first_bias, 0.0) @ second + second_bias)
        found = float(-np.log(np.maximum(chances[np.arange(len(y)), y], 1e-12)).mean())
        return min(found, _WORST) if math.isfinite(found) else _WORST


@dataclass(frozen=True)
class Digits:
    """The loss of a network after `epochs` epochs as a function of six hyperparameters."""

    epochs: int = 27
    minimum: float = 0.0
    _networks: dict[str, Network] = field(default_factory=dict)

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the hyperparameters."""
        return {
            "learning_rate": {"kind": "float", "low": 1e-3, "high": 1.0, "scale": "log"},
            "momentum": {"kind": "float", "low": 0.0, "high": 0.99},
            "weight_decay": {"kind": "float", "low": 1e-6, "high": 0.1, "scale": "log"},
            "width": {"kind": "int", "low": 8, "high": 256, "scale": "log"},
            "dropout": {"kind": "float", "low": 0.0, "high": 0.7},
            "batch": {"kind": "int", "low": 16, "high": 256, "scale": "log"},
        }

    @property
    def fidelity(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the epochs."""
        return {"epochs": {"low": 1, "high": self.epochs, "scale": "log"}}

    @property
    def steps(self) -> tuple[int, ...]:
        """Return every epoch: each can be reported."""
        return tuple(range(1, self.epochs + 1))

    def loss(self, point: Point, level: int) -> float:
        """Return the loss after so many epochs. Networks are kept, so that nothing is computed twice."""
        mine = {name: point[name] for name in self.parameters}
        if (key := repr(mine)) not in self._networks:
            self._networks[key] = Network(mine)
        return self._networks[key].loss_after(level)

    def cost(self, level: int, since: int = 0) -> float:
        """Return the share of a full training."""
        return (level - since) / self.epochs
