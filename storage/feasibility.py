"""The columns `feasible`, `unmet` and `on_front` of the view `trials`, as SQL over the measured metrics."""

import json
import math
from collections import defaultdict
from collections.abc import Sequence

import duckdb

from overnight.campaign import Campaign, Goal, Measurement
from overnight.campaign.columns import CONSTRAINED, FRONT, MISSING
from overnight.campaign.goal import pooled
from overnight.campaign.goal.constraint import Bound, Constraint
from overnight.storage.quoting import text_in_sql

_HAS_RESULT = "o.kind = 'trial_observed' and len(o.metrics) > 0"
_FRONT = """
    select trial from (
        with candidates as (
            select trial, {values} from outcomes o {among} where {feasible} and trial not in (select trial from outside)
        )
        select trial from candidates mine where not exists (from candidates other where {as_good} and ({better}))
    )
"""


def goal_beside_baseline(connection: duckdb.DuckDBPyConnection, campaign: Campaign) -> Goal:
    """Return the goal of a campaign beside what was measured at its baseline, as its history has it.

    With contexts, there is no baseline of the whole.
    """
    point = campaign.status_quo
    if point is None or not any(constraint.relative for constraint in campaign.constraints):
        return campaign.goal
    asked = connection.execute("select trial, body->>'$.point' from asked").fetchall()
    there = [trial for trial, found in asked if json.loads(found) == point]
    found = connection.execute("select trial, metric, mean from metrics where trial in (select unnest($1))", [there])
    results = defaultdict[int, dict[str, Measurement]](dict)
    for trial, metric, mean in found.fetchall():
        results[trial][metric] = Measurement(mean=mean)
    return campaign.goal.beside(pooled(results.values()))


def judged_columns_of(goal: Goal, *, beside_own: bool = False) -> list[str]:
    """Return the columns of the outcomes `o` if the goal has constraints or a front.

    Limits are numbers, except in an A/B test: there they may be relative to the result of the status quo of the `own`
    batch, `q`.
    """
    cells = {}
    if goal.constraints:
        unmet = [_unmet(goal, constraint, own=beside_own) for constraint in _judged(goal, own=beside_own)]
        named = f"nullif(concat_ws('; ', {', '.join(unmet)}), '')" if unmet else "cast(null as varchar)"
        cells |= zip(CONSTRAINED, (f"({_feasible(goal, own=beside_own)})", named), strict=True)
    if goal.has_front:
        cells |= zip(FRONT, ("o.trial in (select trial from measured_front)",), strict=True)
    return [f"case when {_HAS_RESULT} then {cell} end as {name}" for name, cell in cells.items()]


def front_view(goal: Goal, contexts: Sequence[Goal] = ()) -> str:
    """Return the view `measured_front`: the trials whose feasible results no other feasible result dominates.

    Trials of the view `outside` do not count. With the goals of `contexts`, there is a front of each, among the trials
    of the table `context_of`.
    """
    if not contexts:
        return f"create view measured_front as {_front(goal, '')}"
    fronts = (
        _front(each, f"join (from context_of where place = {place}) using (trial)")
        for place, each in enumerate(contexts)
    )
    return f"create view measured_front as {' union all '.join(fronts)}"


def _front(goal: Goal, among: str) -> str:
    turned = [f"{each.turned(1.0):g} * {_value(each.metric)}" for each in goal.objectives]
    values = ", ".join(f"{value} as v{i}" for i, value in enumerate(turned))
    places = range(len(turned))
    as_good = " and ".join(f"other.v{i} >= mine.v{i}" for i in places)
    better = " or ".join(f"other.v{i} > mine.v{i}" for i in places)
    feasible = f"{_HAS_RESULT} and {_feasible(goal)}"
    return _FRONT.format(values=values, feasible=feasible, as_good=as_good, better=better, among=among)


def _judged(goal: Goal, *, own: bool) -> tuple[Constraint, ...]:
    """Return the constraints whose limits are known; with an own status quo, that depends on the trial."""
    return goal.constraints if own else goal.judged.constraints


def _feasible(goal: Goal, *, own: bool = False) -> str:
    """Return SQL for whether the outcome `o` is feasible; null if that depends on an unknown limit."""
    measured = [f"{_value(objective.metric)} is not null" for objective in goal.objectives]
    met = [_met(goal, constraint, own=own) for constraint in _judged(goal, own=own)]
    return " and ".join([*measured, *met, *(["null"] if goal.unjudged and not own else [])])


def _met(goal: Goal, constraint: Constraint, *, own: bool) -> str:
    """Return SQL for whether a constraint is met; null if its limits are unknown."""
    value = _value(constraint.metric)
    if own and constraint.relative:
        bounds = ((">=", constraint.at_least), ("<=", constraint.at_most))
        tests = [f"{value} {sign} {_beside(bound, constraint)}" for sign, bound in bounds if bound is not None]
        known = f"{_value(constraint.metric, 'q')} is not null"
        return f"case when {known} then coalesce({' and '.join(tests)}, false) end"
    limits = zip((">=", "<="), goal.limits_of(constraint), strict=True)
    tests = [f"{value} {sign} {_double(limit)}" for sign, limit in limits if math.isfinite(limit)]
    return f"coalesce({' and '.join(tests)}, false)"


def _beside(bound: Bound, constraint: Constraint) -> str:
    """Return SQL for `Bound.beside` with the status quo `q`, in the same order, which gives the same bits."""
    return f"({_double(bound.offset)} + {_double(bound.factor)} * {_value(constraint.metric, 'q')})"


def _double(value: float) -> str:
    # As a literal, a number would be a decimal, which is not always converted to the nearest float.
    return f"cast('{value!r}' as double)"


def _unmet(goal: Goal, constraint: Constraint, *, own: bool) -> str:
    named, missing = text_in_sql(str(constraint)), text_in_sql(f"{constraint}{MISSING}")
    met = _met(goal, constraint, own=own)
    unknown = f"when {_value(constraint.metric, 'q')} is null then null " if own and constraint.relative else ""
    return f"case {unknown}when {_value(constraint.metric)} is null then {missing} when not {met} then {named} end"


def _value(metric: str, of: str = "o") -> str:
    return f"named({of}.metrics, {text_in_sql(metric)}).mean"
