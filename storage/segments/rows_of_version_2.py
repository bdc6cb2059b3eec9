"""Convert rows and bodies of version 2, which are only read, to version 3.

Version 2 recorded the provenance of a proposal as one flat list of fields. It had one objective, whose name it did not
record, and no batches, weights or counts of units. Histories add the objective's name and the batches.
"""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from overnight.campaign.history.provenance import UNNAMED_OBJECTIVE
from overnight.storage.segments.columns import BODY, FIELDS, METRIC, SCHEMA, TYPED, lists

_ADDED = {"batch", "weight"}
FIELDS_2 = {name: kind for name, kind in FIELDS.items() if name not in _ADDED}
_METRIC_2 = pa.struct([field for field in METRIC if field.name != "n"])
TYPED_2 = pa.schema(
    [
        field.with_type(pa.list_(_METRIC_2)) if field.name == "metrics" else field
        for field in TYPED
        if field.name not in _ADDED
    ]
)
SCHEMA_2 = TYPED_2.append(BODY)
# A body with one of these marks may be of version 2; quotes inside texts are escaped, so texts cannot match.
_MARKS = ('"provenance":{"seed":', '"kind":"trial_stopped"')
# For each field of a flat provenance, the part that it belongs to now and its name there.
_PLACES = {
    **{name: ("made_by", name) for name in ("seed", "proposer")},
    **{name: ("stack", name) for name in ("device", "threads", "libraries")},
    **{name: ("knew", name) for name in ("observed", "pending", "probability_of_approval")},
    **{name: ("model", name) for name in ("hyperparameters", "code", "starts", "tail_width")},
    "fit_jitter": ("model", "jitter"),
    **{f"predicted_{name}": ("prediction", name) for name in ("mean", "sd", "low", "high")},
    **{name: ("chosen", name) for name in ("acquisition", "expected_gain", "instead_of", "jitter")},
    "acquisition_value": ("chosen", "value"),
    **{name: ("weights", name) for name in ("probability_feasible", "predicted_cost")},
    **{name: ("asked", name) for name in ("events_seen", "seconds", "commit", "unseen", "stand_in", "away")},
    "feasibility_hyperparameters": ("feasibility", "hyperparameters"),
    "cost_hyperparameters": ("cost", "hyperparameters"),
    "opinion_hyperparameters": ("opinion", "hyperparameters"),
}


def may_be_old(text: str) -> bool:
    """Return whether a body in this text may be of version 2."""
    return any(mark in text for mark in _MARKS)


def current(body: str) -> str:
    """Return an event's body in the form of version 3, also if it has that of version 2."""
    if not may_be_old(body):
        return body
    fields = json.loads(body)
    return json.dumps(converted(fields), ensure_ascii=False, separators=(",", ":")) if _is_old(fields) else body


def converted(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an event in the form of version 3."""
    if fields.get("kind") == "trial_stopped":
        return {"metric": UNNAMED_OBJECTIVE, **fields}
    return {**fields, "provenance": _in_parts(fields["provenance"])} if _is_old(fields) else fields


def lifted(rows: pa.Table) -> pa.Table:
    """Return rows with the columns of version 3; the added columns are null, and the bodies stay as they are."""
    metrics = rows["metrics"].to_pylist()
    measured = [metric for each in metrics for metric in each or ()]
    columns = [[metric.get(field.name) for metric in measured] for field in METRIC]
    unknown = {name: pa.nulls(rows.num_rows, FIELDS[name]) for name in _ADDED}
    typed = {name: rows[name] for name in rows.column_names if name != "metrics"} | unknown
    typed["metrics"] = lists(metrics, METRIC, *columns)
    return pa.table([typed[field.name] for field in SCHEMA], schema=SCHEMA)


def _is_old(fields: Mapping[str, Any]) -> bool:
    match fields:
        case {"kind": "trial_proposed", "provenance": {"seed": _}}:
            return True
        case {"kind": "trial_stopped"}:
            return "metric" not in fields
    return False


def _in_parts(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flat provenance in parts; unknown fields stay at the top level and will be refused there."""
    parts: dict[str, dict[str, Any]] = {}
    for name, value in flat.items():
        part, new = _PLACES.get(name, ("unknown", name))
        parts.setdefault(part, {})[new] = value
    unknown, prediction = parts.pop("unknown", {}), parts.pop("prediction", {})
    fitted = {
        name: model for name in ("model", "opinion", "feasibility", "cost") if _is_known(model := parts.pop(name, {}))
    }
    return {
        **unknown,
        **parts,
        "models": {
            "metrics": {UNNAMED_OBJECTIVE: fitted["model"]} if "model" in fitted else {},
            # Most ledgers of version 2 are older than second opinions, and unrecorded values are not compared.
            **({"opinions": {UNNAMED_OBJECTIVE: fitted["opinion"]}} if "opinion" in fitted else {}),
            "feasibility": fitted.get("feasibility"),
            "cost": fitted.get("cost"),
        },
        "predicted": {} if prediction.get("mean") is None else {UNNAMED_OBJECTIVE: prediction},
    }


def _is_known(model: Mapping[str, Any]) -> bool:
    return model.get("hyperparameters") is not None
