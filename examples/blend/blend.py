"""Error of a weighted mean of four regressions on the diabetes data that ships with scikit-learn.

442 patients, 10 measurements each. The models predict patients on whom they were not fitted.
"""

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from threadpoolctl import threadpool_limits

MODELS = {
    "ridge": Ridge(0.1),
    "trees": RandomForestRegressor(50, min_samples_leaf=3, random_state=0),
    "neighbours": KNeighborsRegressor(12),
    "boosting": GradientBoostingRegressor(n_estimators=60, max_depth=2, random_state=0),
}


def evaluate(params: dict) -> dict[str, float]:
    """Return the root mean square error of the blend."""
    X, y = load_diabetes(return_X_y=True)
    folds = KFold(5, shuffle=True, random_state=0)
    with threadpool_limits(1):
        predicted = {name: np.asarray(cross_val_predict(model, X, y, cv=folds)) for name, model in MODELS.items()}
    blend = np.sum([params[name] * predicted[name] for name in MODELS], axis=0)
    return {"rmse": float(np.sqrt(np.mean((blend - y) ** 2)))}
