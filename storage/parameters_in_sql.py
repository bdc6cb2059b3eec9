"""The values of parameters in SQL, each in the narrowest type for all values of its parameter."""

import json
from collections.abc import Sequence

import duckdb

from overnight.campaign import Campaign
from overnight.campaign.columns import parameter_names, types_of
from overnight.campaign.parameters import Parameter
from overnight.storage.quoting import text_in_sql

# In the order of their first use. A double is exact up to 2^53.
_USED = """
    select p.name, bool_or(p.number is not null), bool_or(p.integer is not null), bool_or(p.text is not null),
        bool_or(p.flag is not null), bool_or(coalesce(p.number, p.integer, p.flag::integer) is null and p.text is null)
            or (bool_or(p.number is not null) and bool_or(p.integer not between -{exact} and {exact}))
    from (select segment, position, unnest(parameters) as p, generate_subscripts(parameters, 1) as i
          from placed where kind in ({kinds}))
    group by 1 order by min((segment, position, i))
"""


def parameters_in_sql(
    connection: duckdb.DuckDBPyConnection,
    definition: Campaign | None,
    kinds: Sequence[str],
    *,
    at: str = "$.point.",
    in_json: str | None = None,
) -> dict[str, str]:
    """Return SQL for the value of each parameter in an event, by name; it is null where the parameter is inactive.

    The types are those for the values in all events of these `kinds`. `at` is the path of the point in the body of the
    event that is asked, or else in a column `in_json`.
    """
    rows = connection.execute(_USED.format(exact=2**53, kinds=", ".join(map(text_in_sql, kinds)))).fetchall()
    used = {name: facts for name, *facts in rows}
    defined = {} if definition is None else definition.parameters_of_point.root
    return {
        name: _nothing(defined[name])
        if name not in used
        else _value(name, *used[name], at=at)
        if in_json is None
        else _value_in_json(name, *used[name], column=in_json, at=at)
        for name in parameter_names(definition, [used])
    }


def _value(name: str, number: bool, integer: bool, text: bool, flag: bool, large: bool, *, at: str) -> str:
    """Return SQL for a parameter in the narrowest type for all its values; integers may be too `large` for it."""
    value = f"named(parameters, {text_in_sql(name)})"
    kinds = [kind for kind, used in (("number", number), ("integer", integer), ("text", text), ("flag", flag)) if used]
    match kinds:
        case [kind] if not large:
            return f"{value}.{kind}"
        case ["number", "integer"] if not large:
            return f"coalesce({value}.number, {value}.integer)"
    texts = [f"cast({value}.{kind} as varchar)" for kind in kinds]
    path = at + json.dumps(name, ensure_ascii=False)
    return f"coalesce({', '.join([*texts, f'body->>{text_in_sql(path)}'])})"


def _value_in_json(
    name: str, number: bool, integer: bool, text: bool, flag: bool, large: bool, *, column: str, at: str
) -> str:
    """Return SQL for a parameter's value in a column of JSON, in the narrowest type for all values."""
    value = f"{column}->>{text_in_sql(at + json.dumps(name, ensure_ascii=False))}"
    if text or large or (flag and (number or integer)):
        return f"({value})"
    return f"cast({value} as {'boolean' if flag else 'double' if number else 'bigint'})"


def _nothing(parameter: Parameter) -> str:
    """Return SQL for a parameter that was never active: null, in the type of its possible values."""
    types = types_of(parameter)
    if types == {bool}:
        return "cast(null as boolean)"
    if types == {int}:
        return "cast(null as bigint)"
    return f"cast(null as {'double' if types <= {int, float} else 'varchar'})"
