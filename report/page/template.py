"""Render the templates of the page; everything that comes from a campaign is escaped."""

import re
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from overnight.campaign.values.harmless import harmless

# Words of Hebrew, Arabic and their relatives, with what stands between them.
_LETTERS = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_RIGHT_TO_LEFT = re.compile(f"[{_LETTERS}](?:[{_LETTERS}_ ]*[{_LETTERS}])?")
_CODE = re.compile("`([^`]+)`")
# A shorter name has room in its line.
_LONG_WORD = re.compile(r"[^\s<>&;]{10,}")
# No line begins with one or two letters of a name.
_BREAK = re.compile(r"_(?=[^\s<>&;]{3})")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")


def rendered(name: str, /, **values: Any) -> Markup:
    """Return a template of this folder with these values."""
    return Markup(_template(name).render(**values))  # noqa: S704


def rendered_block(name: str, block: str, /, **values: Any) -> Markup:
    """Return one block of a template of this folder with these values."""
    template = _template(name)
    return Markup("".join(template.blocks[block](template.new_context(values))))  # noqa: S704


@cache
def _template(name: str) -> Template:
    return environment().from_string(file_of_page(name))


def environment(loader: BaseLoader | None = None) -> Environment:
    """Return the environment of templates that escape everything and refuse values that are missing."""
    made = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters["breakable"] = breakable
    made.filters["worded"] = worded
    made.filters["grouped"] = "{:,}".format
    return made


def file_of_page(name: str) -> str:
    """Return a file of the page: a template or a script.

    `plotly-basic.min.js` is version 4.1.1 of plotly.js, from the npm package `plotly.js-basic-dist-min`. It draws
    points, lines and bars only, and is a quarter of the whole.
    """
    return files("overnight.report").joinpath(name).read_text(encoding="utf-8")


def breakable(text: str) -> Markup:
    """Return text for the page that a narrow one breaks after the underscores of a long name, not within its words.

    A number stays on the line of its sign for per cent, or of its uncertainty, and a date stays whole.
    Text that is written from right to left keeps its place in the sentence, so that a number after it follows it.
    """
    isolated = _RIGHT_TO_LEFT.sub(r"<bdi>\g<0></bdi>", str(escape(harmless(text))))
    whole = _DATE.sub(r'<span class="whole">\g<0></span>', _with_its_sign(isolated))
    return Markup(_LONG_WORD.sub(lambda word: _BREAK.sub("_<wbr>", word[0]), whole))  # noqa: S704


def _with_its_sign(text: str) -> str:
    return text.replace(" %", "\u00a0%").replace(" ± ", "\u00a0±\u00a0").replace(" × ", "\u00a0×\u00a0")


def worded(text: str) -> Markup:
    """Return a sentence for the page, with the commands and keys that stand between backticks as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(breakable(text))))  # noqa: S704


def _shown(value: Any) -> Any:
    """Return text for the page with its control characters made visible."""
    return harmless(value) if isinstance(value, str) and not isinstance(value, Markup) else value
