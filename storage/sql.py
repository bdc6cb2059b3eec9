"""A ledger for SQL: views of its events as trials, attempts, metrics and proposals, in DuckDB."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from campaign.errors import LedgerError
from storage.parquet_ledger import ParquetLedger

VIEWS = ("trials", "attempts", "metrics", "events", "proposals")
# The columns of `trials` that are no parameter and no metric, as in the tables that `overnight trials` prints.
_OWN = (
    "trial",
    "status",
    "generator",
    "attempts",
    "seconds",
    "cause",
    "message",
    "predicted_mean",
    "predicted_sd",
    "proposed",
    "ended",
)

_OUTCOMES = """
    create view outcomes as from events where kind in ('trial_observed', 'trial_failed')
    qualify row_number() over (partition by trial order by segment, position) = 1
"""
_METRICS = """
    create view metrics as
    select trial, attempt, m.name as metric, m.mean, m.sem
    from (select trial, attempt, unnest(metrics) as m from outcomes where kind = 'trial_observed')
"""
_ATTEMPTS = """
    create view attempts as
    select s.trial, s.attempt, s.key, s.actor, s.time as started, s.deadline, coalesce(f.time, o.time) as ended,
        case when f.kind is not null then 'failed' when o.kind is not null then 'observed' else 'running' end as status,
        f.cause, f.message, f.will_retry, coalesce(f.seconds, o.seconds) as seconds, coalesce(f.cost, o.cost) as cost
    from (from events where kind = 'attempt_started'
          qualify row_number() over (partition by trial, attempt order by segment, position) = 1) s
    left join (from events where kind = 'attempt_failed'
          qualify row_number() over (partition by trial, attempt order by segment, position) = 1) f
        using (trial, attempt)
    left join (from outcomes where kind = 'trial_observed') o using (trial, attempt)
"""
_PROPOSALS = """
    create view proposals as
    select trial, generator, time as proposed, actor, {parameters}
        cast(body->>'$.provenance.observed' as integer) as observed,
        cast(body->'$.provenance.pending' as integer[]) as pending,
        cast(body->>'$.provenance.seed' as varchar) as seed,
        body->>'$.provenance.acquisition' as acquisition,
        try_cast(body->>'$.provenance.acquisition_value' as double) as acquisition_value,
        try_cast(body->>'$.provenance.predicted_mean' as double) as predicted_mean,
        try_cast(body->>'$.provenance.predicted_sd' as double) as predicted_sd,
        try_cast(body->>'$.provenance.seconds' as double) as seconds,
        body->'$.provenance' as provenance
    from events where kind = 'trial_proposed'
    qualify row_number() over (partition by trial order by segment, position) = 1
"""
_TRIALS = """
    create view trials as
    select p.trial,
        case when o.kind = 'trial_observed' then 'observed' when o.kind = 'trial_failed' then 'failed'
             when a.open > 0 then 'running' else 'waiting' end as status,
        p.generator, {metrics} coalesce(a.attempts, 0) as attempts,
        case when o.kind is not null then coalesce(a.seconds, 0) end as seconds, o.cause, o.message,
        p.predicted_mean, p.predicted_sd, {parameters} p.proposed, o.time as ended
    from proposals p
    left join outcomes o using (trial)
    left join (select trial, count(*) as attempts, count(*) filter (ended is null) as open, sum(seconds) as seconds
               from attempts group by trial) a using (trial)
    order by p.trial
"""
# In the order in which they are first named.
_METRIC_NAMES = """
    select m.name
    from (select segment, position, unnest(metrics) as m, generate_subscripts(metrics, 1) as i from outcomes)
    group by 1 order by min((segment, position, i))
"""
_PARAMETER_NAMES = """
    select p.name, bool_or(p.number is not null), bool_or(p.integer is not null), bool_or(p.text is not null),
        bool_or(p.flag is not null)
    from (select segment, position, unnest(parameters) as p, generate_subscripts(parameters, 1) as i
          from events where kind = 'trial_proposed')
    group by 1 order by min((segment, position, i))
"""
_NAMED = "create macro named(list, wanted) as list_filter(list, lambda entry: entry.name = wanted)[1]"


@dataclass(frozen=True)
class Answer:
    """What a query returned: the names of its columns, and its rows."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def query(ledger: ParquetLedger, sql: str) -> Answer:
    """Return what the SQL says about the ledger; raises LedgerError with DuckDB's own words where it cannot be run.

    `events` has a row for each event; `trials`, `attempts`, `metrics` and `proposals` are made of it. In `trials` each
    parameter and each metric has a column, named as `overnight trials` names them.
    """
    with _views_of(ledger) as connection:
        try:
            found = connection.sql(sql)
            return Answer((), []) if found is None else Answer(tuple(found.columns), found.fetchall())
        except duckdb.Error as problem:
            raise LedgerError(f"query: {problem}\nThe views are {', '.join(VIEWS)}; try `describe trials`.") from None


def export_trials(ledger: ParquetLedger, file: Path) -> None:
    """Write the view `trials` as a Parquet or CSV file; raises LedgerError for another ending or where it cannot."""
    form = file.suffix.lower().removeprefix(".")
    if form not in ("parquet", "csv"):
        raise LedgerError(f"export `{file}`: expected a name that ends in .parquet or .csv, found `{file.suffix}`.")
    with _views_of(ledger) as connection:
        try:
            connection.execute(f"copy trials to {_text(str(file))} (format {form})")
        except duckdb.Error as problem:
            raise LedgerError(f"export `{file}`: it cannot be written: {problem}") from None


@contextmanager
def _views_of(ledger: ParquetLedger) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"autoinstall_known_extensions": False}) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("events", ledger.rows())
        _make_views(connection)
        yield connection


def _make_views(connection: duckdb.DuckDBPyConnection) -> None:
    for statement in (_NAMED, _OUTCOMES, _METRICS, _ATTEMPTS):
        connection.execute(statement)
    metrics = [name for (name,) in connection.execute(_METRIC_NAMES).fetchall()]
    taken = {*_OWN, *metrics, *(f"{name}_sem" for name in metrics)}
    parameters = list(_parameter_columns(connection, taken))
    connection.execute(_PROPOSALS.format(parameters=_listed(f"{value} as {name}" for name, value in parameters)))
    measured = [column for name in metrics for column in _metric_columns(name)]
    connection.execute(
        _TRIALS.format(metrics=_listed(measured), parameters=_listed(f"p.{name}" for name, _ in parameters))
    )


def _metric_columns(name: str) -> list[str]:
    column, value = f"metric_{name}" if name in _OWN else name, f"named(o.metrics, {_text(name)})"
    return [f"{value}.mean as {_name(column)}", f"{value}.sem as {_name(column + '_sem')}"]


def _parameter_columns(connection: duckdb.DuckDBPyConnection, taken: set[str]) -> Iterable[tuple[str, str]]:
    for name, *kinds in connection.execute(_PARAMETER_NAMES).fetchall():
        value = f"named(parameters, {_text(name)})"
        yield _name(f"parameter_{name}" if name in taken else name), _typed(value, *kinds)


def _typed(value: str, number: bool, integer: bool, text: bool, flag: bool) -> str:
    """Return a parameter's value in the narrowest type that holds all its values."""
    kinds = [kind for kind, used in (("number", number), ("integer", integer), ("text", text), ("flag", flag)) if used]
    match kinds:
        case [kind]:
            return f"{value}.{kind}"
        case ["number", "integer"]:
            return f"coalesce({value}.number, {value}.integer)"
    return f"coalesce({', '.join(f'cast({value}.{kind} as varchar)' for kind in kinds or ['text'])})"


def _listed(columns: Iterable[str]) -> str:
    return "".join(f"{column}, " for column in columns)


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
