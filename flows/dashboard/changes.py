"""A definition with other values of the keys that may change, as a person writes them in YAML."""

import importlib
from collections.abc import Mapping
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from ruamel.yaml import YAML

from overnight.bo_core import AnyProposer
from overnight.campaign import Campaign, History
from overnight.campaign.changes import revisable_keys
from overnight.campaign.errors import InvalidDefinition, Refused
from overnight.campaign.values.duration import format_duration, parse_duration
from overnight.evaluators import AnyEvaluator, OwnLoop
from overnight.flows.definition.parts import part_problems
from overnight.flows.definition.translated_errors import translate
from overnight.flows.definition.yaml_source import yaml_source
from overnight.flows.rules.recommending import proposer_of

# Long, seldom changed, and better changed in the campaign's file.
_LEFT_OUT = frozenset({"description", "baseline", "start_with", "was"})


class _Revised(BaseModel):
    """A definition as a part of something else, as in the campaign's file; errors have the same paths then."""

    campaign: Campaign


def changeable_text(campaign: Campaign) -> str:
    """Return the keys that may change and are set, as YAML; a person changes their values."""
    keys = frozenset(revisable_keys()) - _LEFT_OUT
    every = _written(*(campaign.model_dump(mode=mode, exclude_defaults=True) for mode in ("python", "json")))
    shown = {key: value for key, value in every.items() if key in keys}
    shown |= {"budget": every["budget"], "workers": campaign.workers}
    ofs = {name: {key: each[key] for key in each if key in keys} for name, each in every["parameters"].items()}
    shown["parameters"] = {name: each for name, each in ofs.items() if each}
    yaml, text = YAML(typ="safe", pure=True), StringIO()
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output = None, False  # pyright: ignore[reportAttributeAccessIssue]
    yaml.width, yaml.allow_unicode = 70, True
    yaml.dump(shown, text)
    return text.getvalue()


def with_changes(history: History, text: str) -> Campaign:
    """Return the definition with these changes; keys that the text leaves out stay, and null removes one.

    Raises Refused if the text is not YAML, or if no campaign has this definition or fits its evaluator and proposer.
    """
    try:
        data = _merged(history.definition.model_dump(mode="json"), _changes(text))
        revised = _Revised.model_validate({"campaign": data}).campaign
        if problems := part_problems(revised, _evaluator(history), _proposer(history)):
            raise InvalidDefinition([str(each) for each in problems])
        check_space(revised)
    except ValidationError as problem:
        raise refusal(map(str, translate(problem, _Revised, inlined="campaign"))) from None
    except InvalidDefinition as problem:
        raise refusal(problem.problems) from None
    return revised


def check_space(campaign: Campaign) -> None:
    """Raise InvalidDefinition if the constraints between parameters leave no point."""
    if not campaign.space.is_plain:
        importlib.import_module("overnight.bo_core.search.even").check_not_empty(campaign.space)


def refusal(problems: Any) -> Refused:
    """Return the refusal of a definition with these problems."""
    return Refused(f"{'; '.join(problems)}. Nothing was written.")


def _merged(old: Any, changes: Any) -> Any:
    """Return a value with changes merged into it, as in a JSON merge patch (RFC 7386); another kind replaces it."""
    if not isinstance(changes, Mapping):
        return changes
    found = {**old} if isinstance(old, Mapping) and changes.get("kind", old.get("kind")) == old.get("kind") else {}
    for key, value in changes.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = _merged(found.get(key), value)
    return found


def _changes(text: str) -> Mapping[str, Any]:
    """Return the changes that a text describes as YAML; raises InvalidDefinition."""
    source = yaml_source(text, Path("changes")) if text.strip() else None
    if source is None or not isinstance(source.data, Mapping):
        raise InvalidDefinition(["changes: expected YAML such as `budget: {trials: 40}`, got no such keys"])
    if repeated := source.repeated_keys():
        raise InvalidDefinition([str(each) for each in repeated])
    return source.data


def _proposer(history: History) -> AnyProposer:
    """Return the recorded proposer; raises Refused if it is of a version that knows other proposers."""
    try:
        return proposer_of(history, Path())
    except ValidationError:
        raise Refused(
            f"Campaign `{history.definition.name}`: this version does not know the recorded proposer, so it cannot "
            "check a revision. Nothing was written. Revise it with the version that runs the campaign."
        ) from None


def _evaluator(history: History) -> AnyEvaluator:
    """Return the recorded evaluator; a loop of the user's own if it cannot be read without its surroundings."""
    latest = history.revised or history.defined
    try:
        return TypeAdapter[AnyEvaluator](AnyEvaluator).validate_python(latest and latest.settings.get("evaluator"))
    except ValidationError:
        return OwnLoop()


def _written(value: Any, as_json: Any) -> Any:
    """Return a part of a definition as JSON, in which durations have their unit."""
    if isinstance(value, timedelta):
        text = format_duration(value)
        return text if parse_duration(text) == value else f"{value.total_seconds()!r}s"
    if isinstance(as_json, dict):
        return {key: _written(value.get(key), inner) for key, inner in as_json.items()}
    if isinstance(as_json, list):
        return [_written(*each) for each in zip(value, as_json, strict=True)]
    return as_json
