"""The columns of a row, which make the values in an event's JSON `body` available to people and queries."""

from collections.abc import Sequence, Sized
from itertools import accumulate
from typing import Any

import pyarrow as pa

TIME = pa.timestamp("us", "UTC")
PARAMETER = pa.struct(
    [
        ("name", pa.string()),
        ("number", pa.float64()),
        ("integer", pa.int64()),
        ("text", pa.string()),
        ("flag", pa.bool_()),
    ]
)
METRIC = pa.struct([("name", pa.string()), ("mean", pa.float64()), ("sem", pa.float64()), ("n", pa.int64())])
FIELDS = {
    "kind": pa.string(),
    "time": TIME,
    "actor": pa.string(),
    "trial": pa.int64(),
    "attempt": pa.int32(),
    "generator": pa.string(),
    "batch": pa.int64(),
    "weight": pa.float64(),
    "key": pa.string(),
    "deadline": TIME,
    "step": pa.int64(),
    "cause": pa.string(),
    "message": pa.string(),
    "will_retry": pa.bool_(),
    "seconds": pa.float64(),
    "cost": pa.float64(),
}
TYPED = pa.schema(
    [
        ("segment", pa.int64()),
        ("position", pa.int32()),
        ("event_id", pa.string()),
        *FIELDS.items(),
        ("parameters", pa.list_(PARAMETER)),
        ("metrics", pa.list_(METRIC)),
    ]
)
BODY = pa.field("body", pa.string())
SCHEMA = TYPED.append(BODY)


def lists(of: Sequence[Sized | None], struct: pa.StructType, *columns: list[Any]) -> pa.ListArray:
    """Return lists of structs with the lengths of those in `of`, from the columns of all structs one after another."""
    ends = list(accumulate((len(entries or ()) for entries in of), initial=0))
    # In Arrow, a list without an offset is null.
    offsets = [None if entries is None else begin for entries, begin in zip(of, ends, strict=False)]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, struct, strict=True)]
    values = pa.StructArray.from_arrays(arrays, fields=list(struct))
    return pa.ListArray.from_arrays(pa.array([*offsets, ends[-1]], pa.int32()), values)
