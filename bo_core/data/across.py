"""Results of other contexts on the scale of one context."""

import os
from dataclasses import replace

import numpy as np

MODE = os.environ.get("ACROSS", "moments")


def on_scale(campaign, view):
    if MODE == "raw" or not view.outside:
        return view
    names = set(campaign.given)
    groups = {}
    for t in view.observed:
        if t.id in view.outside:
            groups.setdefault(tuple((n, t.point[n]) for n in campaign.given), []).append(t)
    inside = view.inside
    if not inside:
        return view
    new = {}
    for key, trials in groups.items():
        changed = {t.id: dict(t.outcome.metrics) for t in trials}
        for m in campaign.goal.metrics:
            here = {cfg(t, names): t.measured[m].mean for t in inside if m in t.measured}
            there = {cfg(t, names): t.measured[m].mean for t in trials if m in t.measured}
            if not here or not there:
                continue
            a, b = fit(here, there)
            for t in trials:
                if m in t.measured:
                    v = t.measured[m]
                    changed[t.id][m] = v.model_copy(
                        update={"mean": a + b * v.mean, "sem": None if v.sem is None else b * v.sem}
                    )
        for t in trials:
            new[t.id] = t.model_copy(update={"outcome": t.outcome.model_copy(update={"metrics": changed[t.id]})})
    return replace(view, observed=tuple(new.get(t.id, t) for t in view.observed))


def cfg(t, names):
    return tuple(sorted((n, v) for n, v in t.point.items() if n not in names))


def moments(h, t):
    b = h.std() / t.std() if len(h) > 1 and len(t) > 1 and t.std() > 0 and h.std() > 0 else 1.0
    return h.mean() - b * t.mean(), b


def fit(here, there):
    h, t = np.array([*here.values()]), np.array([*there.values()])
    if MODE.startswith("shrunk"):
        k = float(MODE[6:] or 1)
        both = [x for x in here if x in there]
        ph, pt = (np.array([v[x] for x in both]) if len(both) >= 2 else np.array([*v.values()]) for v in (here, there))

        def sq(p, al):
            return ((p - p.mean()) ** 2).sum() + k * al.var()

        num, den = sq(ph, h), sq(pt, t)
        b = (num / den) ** 0.5 if num > 0 and den > 0 else 1.0
        return ph.mean() - b * pt.mean(), b
    if MODE.startswith("pairs"):
        both = [k for k in here if k in there]
        if len(both) >= int(MODE[5:] or 3):
            return moments(np.array([here[k] for k in both]), np.array([there[k] for k in both]))
    if MODE == "qq":
        if len(h) > 1 and len(t) > 1 and h.std() > 0 and t.std() > 0:
            q = (np.arange(min(len(h), len(t))) + 0.5) / min(len(h), len(t))
            return moments(np.quantile(h, q), np.quantile(t, q))
    if MODE == "robust":
        if len(h) > 1 and len(t) > 1:
            sh, st = (np.quantile(v, 0.5) - v.min() for v in (h, t))
            if sh > 0 and st > 0:
                b = sh / st
                return h.min() - b * t.min(), b
    return moments(h, t)
