"""The settings of a learning pipeline: a scaler, a learner, its kernel, and the parameters that each of these has.

The forest does well at once and never very well. The best pipeline is a support vector machine with a narrow valley of
C and gamma, which two kernels share; away from the valley it is the worst. The numbers were written down without
reference to any method.
"""

import math

from benchmarks.quality.problems.problem import Declared, Problem, Values

_PARAMETERS: Declared = {
    "scaler": {"kind": "categorical", "choices": ["none", "min_max", "standard"]},
    "clip": {"kind": "float", "low": 0.0, "high": 0.2, "when": {"scaler": ["min_max", "standard"]}},
    "learner": {"kind": "categorical", "choices": ["forest", "linear", "svm"]},
    "kernel": {"kind": "categorical", "choices": ["flat", "poly", "rbf"], "when": {"learner": "svm"}},
    "C": {"kind": "float", "low": 0.01, "high": 1000, "scale": "log", "when": {"learner": ["linear", "svm"]}},
    "gamma": {"kind": "float", "low": 1e-5, "high": 1.0, "scale": "log", "when": {"kernel": ["poly", "rbf"]}},
    "degree": {"kind": "int", "low": 2, "high": 5, "when": {"kernel": "poly"}},
    "trees": {"kind": "int", "low": 10, "high": 500, "scale": "log", "when": {"learner": "forest"}},
    "depth": {"kind": "int", "low": 2, "high": 24, "when": {"learner": "forest"}},
}
_BEST = {
    "scaler": "standard", "clip": 0.03, "learner": "svm", "kernel": "rbf", "C": 50.0, "gamma": 0.002,
}  # fmt: skip
_LEAST, _RANGE = 0.05, 0.5
_SCALERS = {"none": 0.3, "min_max": 0.1, "standard": 0.0}


def _value(point: Values) -> float:
    """Return a loss that levels off, so that all bad settings are about equally bad."""
    excess = _forest(point) if point["learner"] == "forest" else _of_regularised(point)
    return _LEAST + _RANGE * excess / (1.0 + excess)


def _forest(point: Values) -> float:
    """Return the excess of a forest, which no scaler changes."""
    few = math.log(500 / float(point["trees"]))
    return 0.25 + 0.01 * few**2 + 0.001 * (float(point["depth"]) - 14.0) ** 2


def _of_regularised(point: Values) -> float:
    scaler = str(point["scaler"])
    excess = _SCALERS[scaler] + (0.0 if scaler == "none" else 10.0 * (float(point["clip"]) - 0.03) ** 2)
    c = math.log10(float(point["C"]) / 50.0)
    if point["learner"] == "linear":
        return excess + 0.4 + 0.03 * (c + 2.0) ** 2
    if point["kernel"] == "flat":
        return excess + 0.35 + 0.05 * (c + 1.0) ** 2
    g = math.log10(float(point["gamma"]) / 0.002)
    if point["kernel"] == "poly":
        return excess + 0.12 + 0.3 * abs(float(point["degree"]) - 3.0) + 0.3 * (g - 0.7) ** 2 + 0.05 * c**2
    return excess + 1.2 * (g + 0.5 * c) ** 2 + 0.1 * c**2


PIPELINE = Problem(_value, _PARAMETERS, _BEST, minimum=_LEAST, spread=0.08, moderate=0.008)
