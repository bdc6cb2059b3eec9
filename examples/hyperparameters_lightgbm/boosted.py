"""Cross-validated log loss of a LightGBM classifier on the handwritten digits that ship with scikit-learn.

1,797 images of 8 by 8 pixels, ten classes. The seed shuffles the folds, and the standard error is that over folds.
"""

import time

import lightgbm
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import RepeatedStratifiedKFold

FOLDS = 3
ROUNDS_TIMED = 5


def evaluate(params: dict, seed: int, repeats: int = 1) -> dict:
    """Return the log loss with its standard error, the model's KiB, and the microseconds to classify an image."""
    X, y = map(np.asarray, load_digits(return_X_y=True))
    losses, sizes, times = [], [], []
    for train, test in RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed).split(X, y):
        # One thread: the campaign's workers share the machine.
        model = lightgbm.LGBMClassifier(**of_library(params), random_state=seed, n_jobs=1, verbose=-1)
        model.fit(X[train], y[train])
        losses.append(log_loss(y[test], model.predict_proba(X[test])))
        sizes.append(len(model.booster_.model_to_string()) / 1024)
        times.append(min(seconds_to_predict(model, X[test]) for _ in range(ROUNDS_TIMED)) / len(test))
    return {
        "log_loss": (float(np.mean(losses)), float(np.std(losses, ddof=1) / np.sqrt(len(losses)))),
        "model_kib": float(np.mean(sizes)),
        "predict_us": 1e6 * min(times),
    }


def of_library(params: dict) -> dict:
    """Return the parameters under the names of LightGBM's classifier."""
    own = dict(params)
    # Draw a share of the rows for every tree; without this number the library ignores the share.
    own["subsample_freq"] = 1
    return own


def seconds_to_predict(model: lightgbm.LGBMClassifier, X: np.ndarray) -> float:
    """Return how long one call takes."""
    began = time.perf_counter()
    model.predict_proba(X)
    return time.perf_counter() - began
