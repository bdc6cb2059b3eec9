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
`overnight schema` prints this page as a JSON Schema, which `overnight init` writes for your editor. A key is the text
that is written, even if it is `1` or `true`. A number in quotes is text, and neither text nor `true` is a number.

"""


def page() -> str:
    """Return the page."""
    schema = campaign_schema()
    parts = [_keys(schema), "\nExactly one of `minimize`, `maximize` and `objectives` is required.\n"]
    for name, part in sorted(schema["$defs"].items()):
        parts.append(f"\n## {name}\n\n{_described(part)}")
    return _HEAD + "".join(parts)


def _described(part: Schema) -> str:
    """Return the docstring and the keys of a mapping, and the pattern of its short form if it has one."""
    forms = part.get("anyOf", [part])
    texts = [prose(form["description"]) for form in forms if "description" in form]
    texts += [f"Its short form is a text that matches `{form['pattern']}`." for form in forms if "pattern" in form]
    keys = [_keys(form) for form in forms if "properties" in form]
    return "\n\n".join([*texts, *(keys or [f"Form: {_form(part)}.\n"])])


def _keys(model: Schema) -> str:
    meaning, required = meanings(KEYS), model.get("required", ())
    # Keys that models share come first in the schema, but a reader looks for the kind and the required keys.
    properties = model["properties"]
    keys = sorted(properties, key=lambda key: (key != "kind", key not in required))
    rows = [
        (f"`{key}`", _form(form), "required" if key in required else _default(form), meaning.get(key, ""))
        for key, form in ((key, properties[key]) for key in keys)
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
    forms = list(dict.fromkeys(_form(choice) for choice in choices if choice.get("type") != "null"))
    return "value" if forms == ["boolean", "integer", "number", "string"] else " or ".join(forms)


def _bounds(form: Schema) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return ",".join(f" {sign} {form[key]}" for key, sign in signs.items() if key in form)


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"
