"""The dashboard's templates and files, which are carried in the package."""

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import PackageLoader

from overnight.report.html import style_of_page
from overnight.report.page.template import environment, file_of_page

# Scripts of reports that the dashboard's pages use too.
_OF_REPORTS = {"plotly.js": "plotly-basic.min.js", "tables-and-copies.js": "tables-and-copies.js"}
_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@cache
def _environment() -> Any:
    return environment(PackageLoader("overnight.flows.dashboard", "page"))


def rendered(template: str, /, **values: Any) -> str:
    """Return a template of the folder `page` with these values; everything in them is escaped."""
    return _environment().get_template(template).render(**values)


@dataclass(frozen=True)
class StaticFile:
    """A script or a style sheet, its media type, and a text that changes with it."""

    text: str
    kind: str
    tag: str


@cache
def static_file(name: str) -> StaticFile | None:
    """Return a script or a style sheet; None if there is no such file."""
    found = _static(name)
    return None if found is None else StaticFile(*found, f'"{sha256(found[0].encode()).hexdigest()}"')


def _static(name: str) -> tuple[str, str] | None:
    kind = _TYPES.get(name.rpartition(".")[2])
    if name in _OF_REPORTS:
        return file_of_page(_OF_REPORTS[name]), _TYPES["js"]
    if name == "report.css":
        return style_of_page(), _TYPES["css"]
    if kind is None or name not in ("dashboard.js", "requests.js", "dashboard.css", "plotly.css", "icon.svg"):
        return None
    return files("overnight.flows.dashboard").joinpath("page", name).read_text(encoding="utf-8"), kind


def part(html: str, version: str, figures: dict[str, str] | None = None, title: str = "") -> str:
    """Return a part of a page as JSON. The figures are JSON already, and stay texts that a page compares at once."""
    found = {"html": str(html), "version": version, "title": title, "figures": figures or {}}
    return json.dumps(found, ensure_ascii=False)
