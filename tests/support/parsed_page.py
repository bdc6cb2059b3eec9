"""A page of a report as a browser parses it."""

import json
import re
from html.parser import HTMLParser

import plotly.graph_objects as go


class Page(HTMLParser):
    """A page as a browser parses it: text by element, attributes, scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.scripts: list[str] = []
        self.rows: list[list[str]] = []
        self.words: list[str] = []
        self.feed(html)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))

    @property
    def figures(self) -> dict[str, go.Figure]:
        """Return the charts, parsed by plotly itself."""
        found = next(s for s in self.scripts if "const figures" in s).partition("const figures")[2]
        inner = found[found.index("{") + 1 : found.index("};\n")].strip().rstrip(",")
        return {name: go.Figure(figure) for name, figure in json.loads("{" + inner + "}").items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "input", "br", "wbr"):
            self.open.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "script":
            self.scripts.append("")
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
