"""SQL views of a ledger in DuckDB: trials, attempts, metrics, proposals and recommendations."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from overnight.campaign import Campaign
from overnight.campaign.columns import columns, columns_of_arms, judged_columns, trial_columns
from overnight.campaign.errors import LedgerError
from overnight.campaign.history.events import CampaignDefined, CampaignRevised
from overnight.storage.arms import ARMS, STATUS_QUOS
from overnight.storage.contexts import JOINED, judged_by_context, make_context_of
from overnight.storage.feasibility import front_view, goal_beside_baseline, judged_columns_of
from overnight.storage.parameters_in_sql import parameters_in_sql
from overnight.storage.parquet_ledger import ParquetLedger
from overnight.storage.past_values import place_trials
from overnight.storage.quoting import name_in_sql, text_in_sql
from overnight.storage.revisions import revision_views
from overnight.storage.segments.event_rows import events_of

# A query may come from anywhere, so it sees only the views: no files and no network.
_CLOSED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_persistent_secrets": "false",
}
_CLOSE = ("set temp_directory = ''", "set enable_external_access = false", "set lock_configuration = true")
VIEWS = ("trials", "attempts", "metrics", "events", "proposals", "predictions", "recommendations", "fronts")
VIEWS += ("solutions", "arms", "revisions", "outside")
_OF_PROPOSALS = ("trial", "generator", "batch", "weight", "proposed", "actor", "observed", "pending", "seed")
_OF_PROPOSALS += ("acquisition", "acquisition_value", "predicted_mean", "predicted_sd", "seconds", "provenance")

_OF_RECOMMENDATIONS = ("made", "actor", "events_seen", "trial", "best_measured", "metric", "mean", "sd")
_OF_RECOMMENDATIONS += ("baseline_mean", "baseline_sd", "probability_best", "probability_better_than_baseline")
_OF_RECOMMENDATIONS += ("probability_feasible", "preferred")

_OUTCOMES = """
    create view outcomes as from placed
    where kind in ('trial_observed', 'trial_failed', 'trial_stopped', 'trial_abandoned', 'trial_rejected')
    qualify row_number() over (partition by trial order by segment, position) = 1
"""
_METRICS = """
    create view metrics as
    select trial, attempt, m.name as metric, m.mean, m.sem, m.n
    from (select trial, attempt, unnest(metrics) as m from outcomes where kind = 'trial_observed')
"""
_ATTEMPTS = """
    create view attempts as
    select s.trial, s.attempt, s.key, s.actor, s.time as started, s.deadline, coalesce(f.time, o.time) as ended,
        case when o.kind is not null then 'observed' when f.kind is not null then 'failed' else 'running' end as status,
        f.cause, f.message, f.will_retry,
        case when coalesce(f.kind, o.kind) is not null then coalesce(f.seconds, 0) + coalesce(o.seconds, 0) end
            as seconds,
        coalesce(f.cost, o.cost) as cost
    from (from events where kind = 'attempt_started'
          qualify row_number() over (partition by trial, attempt order by segment, position) = 1) s
    left join (from events where kind = 'attempt_failed'
          qualify row_number() over (partition by trial, attempt order by segment, position) = 1) f
        using (trial, attempt)
    left join (from outcomes where kind = 'trial_observed') o using (trial, attempt)
"""
# `asked` calls parameters p0, p1, …, because their own names may be those of other columns.
# Versions 1 and 2 did not record batches: trials that saw the same events and have one seed were proposed together.
_ASKED = """
    create view asked as
    with first as (
        select trial, generator, batch, weight, time as proposed, actor, {parameters} body,
            nullif(body->>'$.provenance.asked.events_seen', '0') || ' ' || (body->>'$.provenance.made_by.seed') as saw
        from placed where kind = 'trial_proposed'
        qualify row_number() over (partition by trial order by segment, position) = 1
    ), began as (
        select *, lag((trial + 1, saw)) over (order by trial) as expected,
            case when batch is not null or expected is distinct from (trial, saw) then coalesce(batch, trial) end
                as begins
        from first
    )
    select * exclude (batch, saw, expected, begins), coalesce(batch,
        case when saw is not null then last_value(begins ignore nulls) over (order by trial) end) as batch
    from began
"""
_PROPOSALS = """
    create view proposals as
    select trial, generator, batch, weight, proposed, actor, {parameters}
        cast(body->>'$.provenance.knew.observed' as integer) as observed,
        cast(body->'$.provenance.knew.pending' as integer[]) as pending,
        body->>'$.provenance.made_by.seed' as seed,
        body->>'$.provenance.chosen.acquisition' as acquisition,
        try_cast(body->>'$.provenance.chosen.value' as double) as acquisition_value,
        e.mean as predicted_mean, e.sd as predicted_sd,
        try_cast(body->>'$.provenance.asked.seconds' as double) as seconds,
        case when body->>'$.provenance' is not null then body->'$.provenance' end as provenance
    from asked left join expected e using (trial)
"""
# Ledgers of versions 1 and 2 had one objective and did not name it.
_PREDICTIONS = """
    create view predictions as
    select trial, coalesce(nullif(name, ''), {objective}) as metric,
        try_cast(p->>'mean' as double) as mean, try_cast(p->>'sd' as double) as sd,
        try_cast(p->>'low' as double) as low, try_cast(p->>'high' as double) as high
    from (select trial, unnest(map_entries(cast(body->'$.provenance.predicted' as map(varchar, json)))) as entry
          from asked), lateral (select entry.key as name, entry.value as p)
"""
_EXPECTED = "create view expected as from predictions where metric = {objective}"
_RECORDED = """
    create view recorded as
    select *, r->>'$.objective' as metric from (
        select * exclude (whole), unnest(coalesce(
            list_transform(cast(whole->'$.contexts' as json[]), lambda each: each->'$.recommendation'), [whole])) as r
        from (
            select *, cast(body->>'$.events_seen' as bigint) as events_seen, body->'$.recommendation' as whole
            from events where kind = 'recommendation_made'
            qualify row_number() over (partition by body->>'$.events_seen' order by segment, position) = 1
        )
    )
"""
_RECOMMENDATIONS = """
    create view recommendations as
    with believed as (
        select *, map_extract(cast(r->'$.predicted' as map(varchar, json)), metric)[1] as p,
            map_extract(cast(r->'$.baseline' as map(varchar, json)), metric)[1] as b
        from recorded
    )
    select time as made, actor, events_seen, cast(r->>'$.trial' as bigint) as trial,
        cast(r->>'$.best_measured' as bigint) as best_measured, {parameters}
        metric, try_cast(p->>'mean' as double) as mean, try_cast(p->>'sd' as double) as sd,
        try_cast(b->>'mean' as double) as baseline_mean, try_cast(b->>'sd' as double) as baseline_sd,
        try_cast(r->>'$.probability_best' as double) as probability_best,
        try_cast(r->>'$.probability_better_than_baseline' as double) as probability_better_than_baseline,
        try_cast(r->>'$.probability_feasible' as double) as probability_feasible,
        try_cast(r->>'$.preferred' as boolean) as preferred
    from believed order by believed.segment, believed.position
"""
_FRONTS = """
    create view fronts as
    with points as (
        select segment, position, time as made, events_seen, generate_subscripts(points, 1) as place,
            unnest(points) as point
        from (select *, cast(r->'$.front' as json[]) as points from recorded)
    ), beliefs as (
        select *, unnest(map_entries(cast(point->'$.predicted' as map(varchar, json)))) as belief from points
    )
    select made, events_seen, cast(point->>'$.trial' as bigint) as trial,
        try_cast(point->>'$.probability' as double) as probability, belief.key as metric,
        try_cast(belief.value->>'mean' as double) as mean, try_cast(belief.value->>'sd' as double) as sd,
        try_cast(belief.value->>'low' as double) as low, try_cast(belief.value->>'high' as double) as high
    from beliefs order by segment, position, place
"""
_SOLUTIONS = """
    create view solutions as
    with found as (
        select segment, position, time as made, events_seen, generate_subscripts(found, 1) as place,
            unnest(found) as solution
        from (select *, cast(r->'$.solutions.found' as json[]) as found from recorded)
    ), beliefs as (
        select *, unnest(map_entries(cast(solution->'$.predicted' as map(varchar, json)))) as belief from found
    )
    select made, events_seen, place, cast(solution->>'$.trial' as bigint) as trial, solution->'$.point' as point,
        try_cast(solution->>'$.differs_by' as double) as differs_by,
        try_cast(solution->>'$.probability_feasible' as double) as probability_feasible, belief.key as metric,
        try_cast(belief.value->>'mean' as double) as mean, try_cast(belief.value->>'sd' as double) as sd,
        try_cast(belief.value->>'low' as double) as low, try_cast(belief.value->>'high' as double) as high
    from beliefs order by segment, position, place
"""
_TRIALS = """
    create view trials as
    select p.trial,
        case when o.kind = 'trial_observed' then 'observed' when o.kind = 'trial_failed' then 'failed'
             when o.kind = 'trial_stopped' then 'stopped'
             when o.kind = 'trial_abandoned' then 'abandoned' when o.kind = 'trial_rejected' then 'rejected'
             when p.body->>'$.parked' = 'true'
                 and p.trial not in (select trial from events where kind = 'trial_approved') then 'awaiting approval'
             when a.open > 0 then 'running' else 'waiting' end as status,
        p.generator, {metrics} coalesce(a.attempts, 0) as attempts,
        case when o.kind is not null and a.attempts > 0 then coalesce(a.seconds, 0) end as seconds, o.cause,
        coalesce(o.message, o.body->>'$.why') as message,
        e.mean as predicted_mean, e.sd as predicted_sd,
        {parameters} p.proposed, o.time as ended
    from asked p
    left join outcomes o using (trial)
    {beside}
    left join expected e using (trial)
    left join (select trial, count(*) as attempts, count(*) filter (ended is null) as open, sum(seconds) as seconds
               from attempts group by trial) a using (trial)
    order by p.trial
"""
# In the order of their first use.
_METRIC_NAMES = """
    select m.name, bool_or(m.n is not null)
    from (select segment, position, unnest(metrics) as m, generate_subscripts(metrics, 1) as i from outcomes)
    group by 1 order by min((segment, position, i))
"""
_DEFINITIONS = """
    select body from events where kind in ('campaign_defined', 'campaign_revised')
    order by segment, position
"""
_NAMED = "create macro named(list, wanted) as list_filter(list, lambda entry: entry.name = wanted)[1]"


@dataclass(frozen=True)
class Answer:
    """The result of a query: the names of its columns, and its rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def query(ledger: ParquetLedger, sql: str) -> Answer:
    """Return the result of an SQL query; raises LedgerError with DuckDB's own words if it cannot be run.

    `events` has a row for each event, and the other views are derived from it. `trials` has a column for each parameter
    and each metric. If the name is taken (case is ignored), the column is prefixed by `parameter_` or `metric_`, twice
    if necessary.
    """
    try:
        with _views_of(ledger) as connection:
            for statement in _CLOSE:
                connection.execute(statement)
            found = connection.sql(sql)
            return Answer((), []) if found is None else Answer(tuple(found.columns), found.fetchall())
    except duckdb.PermissionException as problem:
        raise LedgerError(
            f"query: {problem}\nA query sees the views {', '.join(VIEWS)}, but no files, addresses or DuckDB "
            "extensions. Nothing was read or written; to write the trials to a file: overnight export FILE"
        ) from None
    except (duckdb.Error, OverflowError, ValueError) as problem:
        raise LedgerError(f"query: {problem}\nThe views are {', '.join(VIEWS)}; try `describe trials`.") from None


def export_trials(ledger: ParquetLedger, file: Path) -> None:
    """Write the view `trials` to a Parquet or CSV file; raises LedgerError for another suffix or if writing fails."""
    form = file.suffix.lower().removeprefix(".")
    if form not in ("parquet", "csv"):
        raise LedgerError(f"export `{file}`: expected a name that ends in .parquet or .csv, found `{file.suffix}`.")
    if file.resolve().is_relative_to(ledger.folder):
        raise LedgerError(
            f"export `{file}`: expected a file outside the ledger, found one in its folder `{ledger.folder}`. "
            "Nothing was written; name another place."
        )
    try:
        with _views_of(ledger) as connection:
            connection.execute(f"copy trials to {text_in_sql(str(file))} (format {form})")
    except duckdb.Error as problem:
        raise LedgerError(f"export `{file}`: it cannot be written: {problem}") from None


@contextmanager
def _views_of(ledger: ParquetLedger) -> Iterator[duckdb.DuckDBPyConnection]:
    rows = ledger.rows()
    if not rows.num_rows:
        raise LedgerError(f"{ledger.folder}: expected a ledger with events, found none. Run the campaign first.")
    with duckdb.connect(config={**_CLOSED}) as connection:
        # Otherwise a name that is not a view could refer to a variable of this program.
        connection.execute("set python_enable_replacements = false")
        connection.execute("set timezone = 'UTC'")
        connection.register("events", rows)
        _make_views(connection)
        yield connection


def _make_views(connection: duckdb.DuckDBPyConnection) -> None:
    definitions = _definitions(connection)
    definition = definitions[-1] if definitions else None
    place_trials(connection, definitions)
    for statement in (_NAMED, _OUTCOMES, _METRICS, _ATTEMPTS, _RECORDED, _FRONTS, _SOLUTIONS):
        connection.execute(statement)
    tried = parameters_in_sql(connection, definition, ("trial_proposed",))
    names = [*tried]
    connection.execute(_ASKED.format(parameters=_listed(f"{value} as p{i}" for i, value in enumerate(tried.values()))))
    revision_views(connection, definitions)
    objective = text_in_sql("" if definition is None else definition.objective.metric)
    for statement in (_PREDICTIONS, _EXPECTED):
        connection.execute(statement.format(objective=objective))
    _, asked = columns((), names, _OF_PROPOSALS)
    connection.execute(_PROPOSALS.format(parameters=_listed(_parameter_columns(asked))))
    for statement in (ARMS, STATUS_QUOS):
        connection.execute(statement)
    # A recommended value may be of another type than all that were tried.
    either = ("trial_proposed", "recommendation_made")
    if definition is not None and definition.contexts:
        found = parameters_in_sql(connection, definition, either, in_json="r")
    else:
        found = parameters_in_sql(connection, definition, either, at="$.recommendation.point.")
    _, recommended = columns((), found, _OF_RECOMMENDATIONS)
    there = [f"{found[name]} as {name_in_sql(column)}" for name, column in recommended.items()]
    connection.execute(_RECOMMENDATIONS.format(parameters=_listed(there)))
    measured = dict(connection.execute(_METRIC_NAMES).fetchall())
    metrics = dict.fromkeys([*(() if definition is None else definition.recorded_metrics), *measured])
    counted = {name for name, has_counts in measured.items() if has_counts}
    goal = None if definition is None else goal_beside_baseline(connection, definition)
    contexts = [] if definition is None or not definition.contexts else make_context_of(connection, definition)
    if goal is not None and goal.has_front:
        connection.execute(front_view(goal, contexts))
    of_arms, beside = columns_of_arms(definition), definition is not None and definition.is_ab_test
    means, asked = trial_columns(metrics, names, counted, special=(*of_arms, *judged_columns(goal)))
    wide = [f"p.{column}" for column in of_arms]
    wide += [column for name, called in means.items() for column in _metric_columns(name, called, name in counted)]
    if goal is not None:
        wide += judged_by_context(goal, contexts) if contexts else judged_columns_of(goal, beside_own=beside)
    there = "left join status_quos q on q.batch = p.batch" if beside else JOINED if contexts else ""
    parameters = _listed(_parameter_columns(asked))
    connection.execute(_TRIALS.format(metrics=_listed(wide), parameters=parameters, beside=there))


def _definitions(connection: duckdb.DuckDBPyConnection) -> list[Campaign]:
    """Return all definitions of the campaign, the latest one last."""
    bodies = [body for (body,) in connection.execute(_DEFINITIONS).fetchall()]
    return [event.definition for event in events_of(bodies) if isinstance(event, CampaignDefined | CampaignRevised)]


def _metric_columns(name: str, column: str, counted: bool) -> list[str]:
    value = f"named(o.metrics, {text_in_sql(name)})"
    endings = {"mean": "", "sem": "_sem", **({"n": "_n"} if counted else {})}
    return [f"{value}.{field} as {name_in_sql(column + ending)}" for field, ending in endings.items()]


def _parameter_columns(columns: Mapping[str, str]) -> list[str]:
    return [f"p{i} as {name_in_sql(column)}" for i, column in enumerate(columns.values())]


def _listed(columns: Iterable[str]) -> str:
    return "".join(f"{column}, " for column in columns)
