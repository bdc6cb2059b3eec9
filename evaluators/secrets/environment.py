"""The environment of an evaluation, and the redaction of its values from everything that is recorded."""

import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator

from overnight.campaign.evaluation import is_measurement
from overnight.campaign.values.numbers import is_number
from overnight.evaluators.secrets.spellings import base64_spellings, spellings

T = TypeVar("T")
_VARIABLE = re.compile(r"(?!EVAL_)[A-Za-z_][A-Za-z0-9_]*(=.*)?", re.DOTALL)


def _well_formed(variable: str) -> str:
    if not _VARIABLE.fullmatch(variable):
        raise ValueError(f"expected NAME or NAME=value, with a name that does not begin with EVAL_, got {variable!r}")
    return variable


Variable = Annotated[str, AfterValidator(_well_formed)]

_ALWAYS = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR")
_SHORT = 4
# This many characters do not occur in Base64 by chance.
_LONG = 6
# Deeper than any part of a result that is kept.
_DEEPEST = 200
# Common words: a variable with such a value is a switch, and not a secret.
SWITCHES = {"true", "false", "yes", "no", "on", "off", "none", "null", "auto", "default", "cpu", "gpu"}
SWITCHES |= {"debug", "info", "warning", "warn", "error", "critical"}
_SMALL_NUMBER = re.compile(r"[-+0-9.]{1,3}")


def child_environment(variables: Iterable[str], also: tuple[str, ...] = ()) -> dict[str, str]:
    """Return an evaluation's environment: the variables that every program needs, and those of the campaign's file."""
    kept = {name: os.environ[name] for name in (*_ALWAYS, *also) if name in os.environ}
    written = dict(v.split("=", 1) for v in variables if "=" in v)
    return {**kept, **passed_on(variables), **written}


def passed_on(variables: Iterable[str]) -> dict[str, str]:
    """Return the variables that are listed without a value, with their current values."""
    return {name: os.environ[name] for name in variables if "=" not in name and name in os.environ}


def written_out(variables: Iterable[str]) -> list[str]:
    """Return the names of the variables whose values are in the campaign's file."""
    return [variable.partition("=")[0] for variable in variables if "=" in variable]


def environment_problems(variables: Iterable[str]) -> list[str]:
    """Return a sentence for each variable that should be passed on but is not set."""
    return [
        f"`evaluator.environment`: expected `{name}` to be set in Overnight's own environment, found it unset; "
        f"set it, or write `{name}=value`"
        for name in variables
        if "=" not in name and name not in os.environ
    ]


class Redaction:
    """Replaces secrets, which are the values of passed-on variables, by the names of these variables.

    A secret is recognised in plain text, in the forms of `repr`, JSON and percent-encoding, and, if it is long enough,
    in Base64. If it has several lines, each of them is recognised, too. A secret of fewer than four characters counts
    only as a whole word. Numbers of up to three digits, words such as `true` or `info`, and short values without a
    letter or digit are never replaced: replacing every `1` would make messages unreadable.

    Only texts are redacted, not the names that the program relies on: see `names`.
    """

    def __init__(self, secrets: dict[str, str]) -> None:
        parts = {part: name for name, value in secrets.items() for part in _parts(value)}
        found = [(_pattern(part), parts[part]) for part in sorted(parts, key=len, reverse=True)]
        long = {name: value for name, value in secrets.items() if value in parts and len(value) >= _LONG}
        found += [(pattern, name) for name, value in long.items() for pattern in base64_spellings(value)]
        self._names = [name for _, name in found]
        # An empty group at the end of each pattern identifies the match; at the beginning it would slow the search.
        self._pattern = re.compile("|".join(f"{pattern}()" for pattern, _ in found)) if found else None

    def text(self, text: str) -> str:
        """Return the text without secrets."""
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: f"[{self._names[(found.lastindex or 0) - 1]}]", text)

    def hides(self, text: str) -> bool:
        """Return whether a secret occurs in the text."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def names(self, metrics: Mapping[str, T], asked: Collection[str]) -> dict[str, T]:
        """Return the metrics, without secrets in the names of unexpected ones.

        The names of expected metrics are in the campaign's definition, and no other metric can take such a name.
        """
        shown = {name: name if name in asked else self.text(name) for name in metrics}
        taken = {name for name in metrics if name in asked}
        return {shown[name]: found for name, found in metrics.items() if name in taken or shown[name] not in taken}

    def metrics(self, found: Mapping[str, Any], asked: Collection[str]) -> dict[str, Any]:
        """Return metrics as they were written, without secrets in unexpected names and in values.

        The keys of a measurement are fixed words, and not redacted.
        """
        named = self.names(found, asked)
        return {
            name: self.under_keys(value) if is_measurement(value) else self.tree(value) for name, value in named.items()
        }

    def under_keys(self, value: Mapping[str, Any], texts: Collection[str] = ()) -> dict[str, Any]:
        """Return a mapping with its own keys unchanged and redacted values; under keys in `texts`, numbers as well."""
        return {key: self.tree(item, numbers=key in texts) for key, item in value.items()}

    def tree(self, value: Any, levels: int = _DEEPEST, *, numbers: bool = False) -> Any:
        """Return a JSON value without secrets in its strings, and without content that is nested too deeply.

        Numbers stay as they are unless `numbers` is set; then a secret one is replaced by its name.
        """
        if levels == 0:
            return "…"
        if isinstance(value, str):
            return self.text(value)
        if numbers and is_number(value):
            return self.text(text) if self.hides(text := json.dumps(value)) else value
        if isinstance(value, list | tuple):
            return type(value)(self.tree(item, levels - 1, numbers=numbers) for item in value)
        if isinstance(value, dict):
            return {self.tree(key): self.tree(item, levels - 1, numbers=numbers) for key, item in value.items()}
        return value


def _parts(value: str) -> set[str]:
    parts = {value, *(line.strip() for line in value.splitlines())}
    return {part for part in parts if _may_be_secret(part)}


def _may_be_secret(part: str) -> bool:
    if part.strip().lower() in SWITCHES or _SMALL_NUMBER.fullmatch(part.strip()):
        return False
    return any(map(str.isalnum, part)) or (bool(part.strip()) and len(part) >= _SHORT)


def _pattern(part: str) -> str:
    pattern = spellings(part)
    return pattern if len(part) >= _SHORT else rf"(?<!\w){pattern}(?!\w)"
