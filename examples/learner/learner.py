"""Cross-validated error of a classifier of the handwritten digits that ship with scikit-learn.

1,797 pictures of 64 pixels. A request holds only the parameters of the classifier that it names.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

FOLDS = 4
SCALERS = {"none": FunctionTransformer, "standard": StandardScaler, "min_max": MinMaxScaler}


def evaluate(params: dict, seed: int) -> dict[str, tuple[float, float]]:
    """Return the mean and standard error over folds of the share of wrong answers."""
    X, y = load_digits(return_X_y=True)
    model = make_pipeline(SCALERS[params["scaler"]](), learner(params, seed))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    # One thread: the campaign's workers share the machine.
    with threadpool_limits(1):
        wrong = 1 - cross_val_score(model, X, y, cv=folds)
    return {"error": (float(wrong.mean()), float(wrong.std(ddof=1) / np.sqrt(FOLDS)))}


def learner(params: dict, seed: int) -> SVC | RandomForestClassifier | KNeighborsClassifier:
    """Return the classifier that the parameters describe."""
    match params["learner"]:
        case "svm":
            return SVC(**{name: params[name] for name in ("kernel", "C", "gamma", "degree") if name in params})
        case "forest":
            return RandomForestClassifier(params["trees"], max_depth=params["depth"], random_state=seed)
        case _:
            weights = "distance" if params["by_distance"] else "uniform"
            return KNeighborsClassifier(params["k"], weights=weights)
