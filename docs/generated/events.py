"""The reference of the events, from their models."""

import inspect
from typing import get_args

from pydantic import BaseModel

from generated.glossary import COLUMNS, meanings
from generated.tables import prose, table
from overnight.campaign.history.events import Event

_HEAD = """# Events

Everything that happens in a campaign is one of these events. Each has `kind`, `time` and `actor`; the other fields are
listed. [The ledger](../explanations/ledger.md) explains how they are kept, and [SQL views](views.md) lists the columns.

"""
_COMMON = ("kind", "time", "actor")


def models() -> dict[str, type[BaseModel]]:
    """Return the class of each kind of event."""
    return {model.model_fields["kind"].default: model for model in get_args(get_args(Event)[0])}


def page() -> str:
    """Return the page."""
    return _HEAD + "\n".join(_event(kind, model) for kind, model in models().items())


def _event(kind: str, model: type[BaseModel]) -> str:
    meaning = meanings(COLUMNS)
    fields = [(f"`{name}`", meaning.get(name, "")) for name in model.model_fields if name not in _COMMON]
    return f"## `{kind}`\n\n{prose(inspect.getdoc(model))}\n\n{table(('field', 'meaning'), fields)}"
