"""A page of a report as a browser parses it."""

import gzip
import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from typing import Any

import plotly.graph_objects as go


class Page(HTMLParser):
    """A page as a browser parses it: text by element, attributes, scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.scripts: list[str] = []
        self.kinds: list[str] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self.feed(html)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))

    @property
    def figures(self) -> dict[str, go.Figure]:
        """Return the charts, parsed by plotly itself."""
        [packed] = (each for each, kind in zip(self.scripts, self.kinds, strict=True) if kind == "figures")
        lists, figures = map(json.loads, gzip.decompress(b64decode(packed)).decode().split("\n"))

        def whole(value: Any) -> Any:
            if isinstance(value, dict):
                return lists[value["shared"]] if "shared" in value else {k: whole(each) for k, each in value.items()}
            return [whole(each) for each in value] if isinstance(value, list) else value

        return {name: go.Figure(whole(figure)) for name, figure in figures.items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "input", "br", "wbr"):
            self.open.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "script":
            self.scripts.append("")
            self.kinds.append(dict(attrs).get("id") or "")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "elements are closed in the order in which they were opened"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif self.open and self.open[-1] != "style":
            self.words.append(data)
            if self.rows and ("td" in self.open or "th" in self.open):
                self.rows[-1][-1] = re.sub(r"\s+", " ", self.rows[-1][-1] + data)
