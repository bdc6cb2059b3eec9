"""Train a network on the handwritten digits that ship with scikit-learn, and report its log loss after each epoch.

1,797 images of 8 by 8 pixels, ten classes. The seed shuffles the folds, and the standard error is that over folds.
"""

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import mean, stdev

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from torch import Tensor
from torch.nn import functional

from overnight import Infeasible

EPOCHS, FOLDS = 30, 3
PIXELS, CLASSES = 64, 10
ROUNDS_TIMED = 20

Report = Callable[[int, dict], None]
# The weights of a layer and its bias, for each fold.
Layer = tuple[Tensor, Tensor]


def evaluate(params: dict, seed: int, report: Report) -> dict:
    """Return the mean log loss of the folds after the last epoch, the number of weights, and the speed."""
    # One thread: the campaign's workers share the machine.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    images, digits = load_digits(return_X_y=True)
    X, y = torch.tensor(np.asarray(images) / 16, dtype=torch.float32), torch.tensor(np.asarray(digits))
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(images, digits)
    train, test = zip(*((torch.as_tensor(a), torch.as_tensor(b)) for a, b in split), strict=True)
    networks = Networks(params)
    weights = float(sum(part[0].numel() for layer in networks.layers for part in layer))
    speed = microseconds_to_predict(networks, X)
    found: dict = {}
    for epoch in range(1, EPOCHS + 1):
        networks.learn(X, y, train)
        losses = networks.losses(X, y, test)
        if not np.isfinite(losses).all():
            raise Infeasible(f"the training diverged in epoch {epoch}")
        found = {
            "log_loss": {"mean": mean(losses), "sem": stdev(losses) / FOLDS**0.5},
            "weights": weights,
            "predict_us": speed,
        }
        report(epoch, found)
    return found


class Networks:
    """One network for each fold, which learn in the same steps: the first dimension of each tensor is the fold."""

    def __init__(self, params: dict) -> None:
        self.batch, self.dropout, self.smoothing = params["batch"], params["dropout"], params["label_smoothing"]
        sizes = [PIXELS, *[params["width"]] * params["depth"], CLASSES]
        self.layers = [layer(size_in, size_out) for size_in, size_out in pairwise(sizes)]
        learnt = [part for each in self.layers for part in each]
        common = {"lr": params["learning_rate"], "weight_decay": params["weight_decay"], "fused": True}
        self.optimizer = (
            torch.optim.SGD(learnt, momentum=params["momentum"], **common)
            if params["optimizer"] == "sgd"
            else torch.optim.Adam(learnt, **common)
        )

    def learn(self, X: Tensor, y: Tensor, folds: tuple[Tensor, ...]) -> None:
        """Learn from the images of each fold once, in a new order; a few of a larger fold wait for another epoch."""
        least = min(map(len, folds))
        rows = torch.stack([fold[torch.randperm(len(fold))[:least]] for fold in folds])
        for batch in rows.split(self.batch, dim=1):
            self.optimizer.zero_grad()
            scores = scores_of(X[batch], self.layers, self.dropout).flatten(0, 1)
            loss = functional.cross_entropy(scores, y[batch].flatten(), label_smoothing=self.smoothing)
            # The loss is the mean over all folds, and a network learns from the mean over its own.
            (FOLDS * loss).backward()
            self.optimizer.step()

    def losses(self, X: Tensor, y: Tensor, folds: tuple[Tensor, ...]) -> list[float]:
        """Return the log loss of each network on the images of its fold."""
        with torch.inference_mode():
            return [
                float(functional.cross_entropy(self.of_one(number, X[rows]), y[rows]))
                for number, rows in enumerate(folds)
            ]

    def of_one(self, number: int, X: Tensor) -> Tensor:
        """Return the scores of the classes by one of the networks."""
        alone = [(weights[[number]], bias[[number]]) for weights, bias in self.layers]
        return scores_of(X[None], alone)[0]


def layer(size_in: int, size_out: int) -> Layer:
    """Return a new layer of each network, drawn as PyTorch draws a linear one."""
    most = size_in**-0.5
    weights, bias = (torch.empty(FOLDS, rows, size_out).uniform_(-most, most) for rows in (size_in, 1))
    return weights.requires_grad_(), bias.requires_grad_()


def scores_of(X: Tensor, layers: list[Layer], dropout: float = 0.0) -> Tensor:
    """Return the scores of the classes for the images of each network."""
    *hidden, last = layers
    for weights, bias in hidden:
        X = functional.dropout(torch.baddbmm(bias, X, weights).relu(), dropout)
    weights, bias = last
    return torch.baddbmm(bias, X, weights)


def microseconds_to_predict(networks: Networks, X: Tensor) -> float:
    """Return how long the fastest of some calls takes for each image."""
    times = list[float]()
    with torch.inference_mode():
        for _ in range(ROUNDS_TIMED):
            began = time.perf_counter()
            networks.of_one(0, X)
            times.append(time.perf_counter() - began)
    return 1e6 * min(times) / len(X)
