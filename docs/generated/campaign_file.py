"""The reference of the campaign file, from its JSON Schema."""

import json
from collections.abc import Mapping
from typing import Any

from generated.glossary import KEYS, meanings
from generated.tables import prose, table
from overnight.flows.definition.json_schema import campaign_schema

Schema = Mapping[str, Any]
_HEAD = """# The campaign file

A YAML file with these keys at its top level. `overnight check` validates it and names the line of each problem.
`overnight schema` prints this page as a JSON Schema, which `overnight init` writes for your editor.

"""


def page() -> str:
    """Return the page."""
    schema = campaign_schema()
    parts = [_keys(schema), "\nExactly one of `minimize` and `maximize` is required.\n"]
    for name, part in sorted(schema["$defs"].items()):
        if keys := _keys_of_model(part):
            parts.append(f"\n## {name}\n\n{prose(part.get('description'))}\n\n{keys}")
    return _HEAD + "".join(parts)


def _keys_of_model(part: Schema) -> str:
    whole = next((form for form in part.get("anyOf", []) if "properties" in form), part)
    return _keys(whole) if "properties" in whole else ""


def _keys(model: Schema) -> str:
    meaning, required = meanings(KEYS), model.get("required", ())
    rows = [
        (f"`{key}`", _form(form), "required" if key in required else _default(form), meaning.get(key, ""))
        for key, form in model["properties"].items()
    ]
    return table(("key", "form", "without it", "meaning"), rows)


def _default(form: Schema) -> str:
    default = form.get("default")
    if default is None or isinstance(default, dict | list):
        return ""
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def _form(form: Schema) -> str:
    """Return in a few words what a value may be."""
    if "$ref" in form:
        return _link(form["$ref"].rpartition("/")[2])
    for choice in ("anyOf", "oneOf"):
        if choice in form:
            return _alternatives(form, form[choice])
    if "const" in form:
        return f"`{form['const']}`"
    if "enum" in form:
        return ", ".join(f"`{value}`" for value in form["enum"])
    if form.get("type") == "array":
        return f"list of {_form(form.get('items', {}))}"
    if form.get("type") == "object":
        return f"mapping to {_form(form.get('additionalProperties', {}))}"
    return form.get("type", "any value") + _bounds(form)


def _alternatives(form: Schema, choices: list[Schema]) -> str:
    if "description" in form:
        return form["description"]
    return " or ".join(dict.fromkeys(_form(choice) for choice in choices if choice.get("type") != "null"))


def _bounds(form: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return "".join(f" {sign} {form[key]:g}" for key, sign in signs.items() if key in form)


def _link(name: str) -> str:
    # The two models without keys of their own.
    plain = {"Space": "mapping of names to parameters", "JsonValue": "any value"}
    return plain.get(name) or f"[{name}](#{name.lower()})"
