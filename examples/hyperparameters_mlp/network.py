"""Train a network on the handwritten digits that ship with scikit-learn, and report its log loss after each epoch.

1,797 images of 8 by 8 pixels, ten classes. The seed shuffles the folds, and the standard error is that over folds.
"""

import time
from collections.abc import Callable
from statistics import mean, stdev

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import StratifiedKFold
from torch import Tensor, nn

from overnight import Infeasible

EPOCHS, FOLDS = 30, 3
PIXELS, CLASSES = 64, 10
ROUNDS_TIMED = 20

Report = Callable[[int, dict], None]


def evaluate(params: dict, seed: int, report: Report) -> dict:
    """Return the mean log loss of the folds after the last epoch, the number of weights, and the speed."""
    # One thread: the campaign's workers share the machine.
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    images, digits = load_digits(return_X_y=True)
    X, y = torch.tensor(np.asarray(images) / 16, dtype=torch.float32), torch.tensor(np.asarray(digits))
    split = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(images, digits)
    folds = [Fold(params, X[train], y[train], X[test], y[test]) for train, test in split]
    weights = float(sum(weight.numel() for weight in folds[0].network.parameters()))
    speed = microseconds_to_predict(folds[0].network, X)
    found: dict = {}
    for epoch in range(1, EPOCHS + 1):
        losses = [fold.loss_after_another_epoch() for fold in folds]
        if not np.isfinite(losses).all():
            raise Infeasible(f"the training diverged in epoch {epoch}")
        found = {
            "log_loss": {"mean": mean(losses), "sem": stdev(losses) / FOLDS**0.5},
            "weights": weights,
            "predict_us": speed,
        }
        report(epoch, found)
    return found


class Fold:
    """A network and its optimizer, with the images that it learns from and those that it is judged by."""

    def __init__(self, params: dict, X: Tensor, y: Tensor, X_test: Tensor, y_test: Tensor) -> None:
        self.X, self.y, self.X_test, self.y_test = X, y, X_test, y_test
        self.network, self.batch = made(params), params["batch"]
        self.loss = nn.CrossEntropyLoss(label_smoothing=params["label_smoothing"])
        common = {"lr": params["learning_rate"], "weight_decay": params["weight_decay"]}
        self.optimizer = (
            torch.optim.SGD(self.network.parameters(), momentum=params["momentum"], **common)
            if params["optimizer"] == "sgd"
            else torch.optim.Adam(self.network.parameters(), **common)
        )

    def loss_after_another_epoch(self) -> float:
        """Learn from each image once, in a new order, and return the log loss on the other images."""
        self.network.train()
        for rows in torch.randperm(len(self.X)).split(self.batch):
            self.optimizer.zero_grad()
            self.loss(self.network(self.X[rows]), self.y[rows]).backward()
            self.optimizer.step()
        self.network.eval()
        with torch.inference_mode():
            return float(nn.functional.cross_entropy(self.network(self.X_test), self.y_test))


def made(params: dict) -> nn.Sequential:
    """Return a new network."""
    layers: list[nn.Module] = []
    size = PIXELS
    for _ in range(params["depth"]):
        layers += [nn.Linear(size, params["width"]), nn.ReLU(), nn.Dropout(params["dropout"])]
        size = params["width"]
    return nn.Sequential(*layers, nn.Linear(size, CLASSES))


def microseconds_to_predict(network: nn.Module, X: Tensor) -> float:
    """Return how long the fastest of some calls takes for each image."""
    times = list[float]()
    network.eval()
    with torch.inference_mode():
        for _ in range(ROUNDS_TIMED):
            began = time.perf_counter()
            network(X)
            times.append(time.perf_counter() - began)
    return 1e6 * min(times) / len(X)
