"""The charts of a page and the script that draws them, packed by gzip and as text; `draw-charts.js` unpacks them."""

import gzip
import json
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from typing import Any

from overnight.report.page.template import file_of_page

# A shorter list is hardly longer than a reference to it.
_FEWEST_SHARED = 20


@cache
def packed_plotly() -> str:
    """Return the script that draws the charts."""
    return _packed(file_of_page("plotly-basic.min.js"))


def packed_figures(figures: Mapping[str, str]) -> str:
    """Return figures, given as JSON by their places: a line of long lists, and a line of figures that refer to them.

    The pictures of a campaign show the same trials, so most of their lists are the same.
    """
    lists = dict[str, int]()
    shared = {place: _sharing(json.loads(figure), lists) for place, figure in figures.items()}
    return _packed(f"[{','.join(lists)}]\n{_json(shared)}")


def _sharing(value: Any, lists: dict[str, int]) -> Any:
    """Return a part of a figure with its long lists replaced by their numbers in `lists`."""
    if isinstance(value, dict):
        return {key: _sharing(each, lists) for key, each in value.items()}
    if not isinstance(value, list):
        return value
    if len(value) < _FEWEST_SHARED:
        return [_sharing(each, lists) for each in value]
    return {"shared": lists.setdefault(_json(value), len(lists))}


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _packed(text: str) -> str:
    return b64encode(gzip.compress(text.encode(), mtime=0)).decode()
