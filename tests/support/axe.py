"""axe-core, which looks for barriers on a page that a browser shows.

The script comes with the package axe-playwright-python, of which nothing else is used.
"""

import json
from importlib.util import find_spec
from pathlib import Path

from chromium import Page

_FOUND = find_spec("axe_playwright_python")
SCRIPT = None if _FOUND is None or _FOUND.origin is None else Path(_FOUND.origin).with_name("axe.min.js")
MISSING = "axe-core is not installed here, so no page was searched for barriers."
# After two frames, the page has reacted to a change of its size.
_TWO_FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
_RUN = """axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify(found.violations.flatMap(
  ({id, impact, nodes}) => nodes.map(({target, any, all, none}) =>
    [impact, id, target.join(' '), [...any, ...all, ...none].map((each) => each.message).join('; ')]))))"""


def barriers(page: Page, least: tuple[str, ...] = ("moderate", "serious", "critical")) -> list[str]:
    """Return a line for each barrier of these impacts on the page as it is now."""
    assert SCRIPT is not None
    # Evaluated by the debugger, so the policy of the page need not allow it.
    if not page.value("typeof axe === 'object'"):
        page.value(f"{SCRIPT.read_text(encoding='utf-8')};0")
    page.value(_TWO_FRAMES)
    found = json.loads(page.value(_RUN))
    return [": ".join(each) for each in found if each[0] in least]
