"""The columns `feasible` and `unmet` of the view `trials`, as SQL over the measured metrics."""

import json
import math
from collections import defaultdict

import duckdb

from overnight.campaign import Campaign, Goal, Measurement
from overnight.campaign.columns import CONSTRAINED, MISSING
from overnight.campaign.goal import pooled
from overnight.campaign.goal.constraint import Constraint
from overnight.storage.quoting import text_in_sql


def goal_beside_baseline(connection: duckdb.DuckDBPyConnection, campaign: Campaign) -> Goal:
    """Return the goal of a campaign beside what was measured at its baseline, as its history has it."""
    if campaign.baseline is None or not any(constraint.relative for constraint in campaign.constraints):
        return campaign.goal
    point = campaign.parameters.point(campaign.baseline)
    asked = connection.execute("select trial, body->>'$.point' from asked").fetchall()
    there = [trial for trial, found in asked if json.loads(found) == point]
    found = connection.execute("select trial, metric, mean from metrics where trial in (select unnest($1))", [there])
    results = defaultdict[int, dict[str, Measurement]](dict)
    for trial, metric, mean in found.fetchall():
        results[trial][metric] = Measurement(mean=mean)
    return campaign.goal.beside(pooled(results.values()))


def feasibility_columns(goal: Goal) -> list[str]:
    """Return the columns of the outcomes `o`, with the limits as numbers; none without constraints."""
    if not goal.constraints:
        return []
    known = {constraint: _met(goal, constraint) for constraint in goal.judged.constraints}
    measured = [f"{_value(objective.metric)} is not null" for objective in goal.objectives]
    feasible = " and ".join([*measured, *known.values(), *(["null"] if goal.unjudged else [])])
    unmet = [_unmet(constraint, met) for constraint, met in known.items()]
    cells = (f"({feasible})", f"nullif(concat_ws('; ', {', '.join(unmet)}), '')" if unmet else "cast(null as varchar)")
    return [
        f"case when o.kind = 'trial_observed' and len(o.metrics) > 0 then {cell} end as {name}"
        for name, cell in zip(CONSTRAINED, cells, strict=True)
    ]


def _met(goal: Goal, constraint: Constraint) -> str:
    value, limits = _value(constraint.metric), zip((">=", "<="), goal.limits_of(constraint), strict=True)
    # As a literal, a number would be a decimal, which is not always converted to the nearest float.
    tests = [f"{value} {sign} cast('{limit!r}' as double)" for sign, limit in limits if math.isfinite(limit)]
    return f"coalesce({' and '.join(tests)}, false)"


def _unmet(constraint: Constraint, met: str) -> str:
    named, missing = text_in_sql(str(constraint)), text_in_sql(f"{constraint}{MISSING}")
    return f"case when {_value(constraint.metric)} is null then {missing} when not {met} then {named} end"


def _value(metric: str) -> str:
    return f"named(o.metrics, {text_in_sql(metric)}).mean"
