"""The columns `feasible`, `unmet` and `on_front` of the view `trials`, as SQL over the measured metrics."""

import json
import math
from collections import defaultdict

import duckdb

from overnight.campaign import Campaign, Goal, Measurement
from overnight.campaign.columns import CONSTRAINED, FRONT, MISSING
from overnight.campaign.goal import pooled
from overnight.campaign.goal.constraint import Constraint
from overnight.storage.quoting import text_in_sql

_HAS_RESULT = "o.kind = 'trial_observed' and len(o.metrics) > 0"
_FRONT = """
    create view measured_front as
    with candidates as (select trial, {values} from outcomes o where {feasible})
    select trial from candidates mine where not exists (from candidates other where {as_good} and ({better}))
"""


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


def judged_columns_of(goal: Goal) -> list[str]:
    """Return the columns of the outcomes `o`, with the limits as numbers, if the goal has constraints or a front."""
    cells = {}
    if goal.constraints:
        unmet = [_unmet(constraint, _met(goal, constraint)) for constraint in goal.judged.constraints]
        named = f"nullif(concat_ws('; ', {', '.join(unmet)}), '')" if unmet else "cast(null as varchar)"
        cells |= zip(CONSTRAINED, (f"({_feasible(goal)})", named), strict=True)
    if goal.has_front:
        cells |= zip(FRONT, ("o.trial in (select trial from measured_front)",), strict=True)
    return [f"case when {_HAS_RESULT} then {cell} end as {name}" for name, cell in cells.items()]


def front_view(goal: Goal) -> str:
    """Return the view `measured_front`: the trials whose feasible results no other feasible result dominates."""
    turned = [f"{each.turned(1.0):g} * {_value(each.metric)}" for each in goal.objectives]
    values = ", ".join(f"{value} as v{i}" for i, value in enumerate(turned))
    places = range(len(turned))
    as_good = " and ".join(f"other.v{i} >= mine.v{i}" for i in places)
    better = " or ".join(f"other.v{i} > mine.v{i}" for i in places)
    feasible = f"{_HAS_RESULT} and {_feasible(goal)}"
    return _FRONT.format(values=values, feasible=feasible, as_good=as_good, better=better)


def _feasible(goal: Goal) -> str:
    """Return SQL for whether the outcome `o` is feasible; null if that depends on an unknown limit."""
    measured = [f"{_value(objective.metric)} is not null" for objective in goal.objectives]
    met = [_met(goal, constraint) for constraint in goal.judged.constraints]
    return " and ".join([*measured, *met, *(["null"] if goal.unjudged else [])])


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
