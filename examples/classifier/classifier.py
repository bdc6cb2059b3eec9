"""Cross-validated log loss of a gradient-boosting classifier on the breast-cancer data that ships with scikit-learn.

569 tumours, 30 measurements each, malignant or benign. The trial's seed reshuffles the folds, so the standard error
over folds is an honest measure of how far the result of another shuffle could differ.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import RepeatedStratifiedKFold
from threadpoolctl import threadpool_limits

FOLDS = 5


def evaluate(params: dict, seed: int, repeats: int = 1) -> dict[str, tuple[float, float]]:
    """Return the mean and standard error over folds of the log loss and of the accuracy."""
    X, y = load_breast_cancer(return_X_y=True)
    losses, accuracies = [], []
    # One thread: the campaign's workers share the machine.
    with threadpool_limits(1):
        for train, test in RepeatedStratifiedKFold(n_splits=FOLDS, n_repeats=repeats, random_state=seed).split(X, y):
            model = HistGradientBoostingClassifier(**params, random_state=seed)
            model.fit(X[train], y[train])
            predicted = model.predict_proba(X[test])
            losses.append(log_loss(y[test], predicted))
            accuracies.append(accuracy_score(y[test], predicted.argmax(axis=1)))
    return {"log_loss": _mean_and_sem(losses), "accuracy": _mean_and_sem(accuracies)}


def _mean_and_sem(values: list[float]) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
