"""The reference of the Python API, from the docstrings of everything that `overnight` exports."""

import inspect
import re

from pydantic import BaseModel

import overnight
from generated.tables import prose, table

_HEAD = """# The Python API

Everything here is imported from `overnight`. Each name is loaded when it is first used.

"""
_MODULE = re.compile(r"\b(?:overnight|collections|typing|pathlib|datetime)\.(?:\w+\.)*")


def page() -> str:
    """Return the page: functions and classes first, exceptions in one table at the end."""
    named = [(name, getattr(overnight, name)) for name in overnight.__all__]
    errors = [(name, found) for name, found in named if _is_error(found)]
    parts = [_described(name, found) for name, found in named if not _is_error(found)]
    rows = [(f"`{name}`", prose(inspect.getdoc(found)), f"`{found.__base__.__name__}`") for name, found in errors]
    return _HEAD + "\n".join(parts) + "\n## Exceptions\n\n" + table(("exception", "meaning", "is a"), rows)


def _is_error(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, overnight.OvernightError)


def _described(name: str, found: object) -> str:
    parts = [f"## `{name}`", _signature(name, found), prose(inspect.getdoc(found))]
    if inspect.isclass(found):
        parts += [
            _method(f"{name}.{inner}", member) for inner, member in vars(found).items() if _is_public(inner, member)
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _is_public(name: str, member: object) -> bool:
    return not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))


def _method(name: str, member: object) -> str:
    shown = _signature(name, member) if inspect.isfunction(member) else ""
    return "\n\n".join(part for part in (f"### `{name}`", shown, prose(inspect.getdoc(member))) if part)


def _signature(name: str, found: object) -> str:
    # A model's keys are on the page of the campaign file.
    if not callable(found) or (inspect.isclass(found) and issubclass(found, BaseModel)):
        return ""
    signature = inspect.signature(found)
    shown = [parameter for parameter in signature.parameters.values() if parameter.name != "self"]
    return f"```python\n{name}{_MODULE.sub('', str(signature.replace(parameters=shown)))}\n```"
