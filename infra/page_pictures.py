"""Write a picture of every view of the dashboard and of the report, of awkward campaigns and of those of a ledger.

Run `PYTHONPATH=.:tests/support python infra/page_pictures.py FOLDER`; it needs Chromium.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from awkward_campaigns import AWKWARD, write_awkward
from chromium import Page, chromium
from dashboards import TOKEN, dashboard
from read_ledgers import events_of
from standing import story_about

from overnight.campaign import History
from overnight.flows.api.place import place_of
from overnight.report.html import render_report
from overnight.storage import kept_in, open_ledger

_WIDTHS = (1440, 1024, 390)
_VIEWS = {"overview": "", "trials": "/trials", "trial": "/trials/1", "audit": "/audit"}
_FORMS = ("suggest", "revise", "change", "approve", "report")
_DRAWN = """[...document.querySelectorAll('.chart')].every((place) =>
  place.getBoundingClientRect().top > innerHeight || place.classList.contains('js-plotly-plot'))"""
# No picture is higher, in pixels.
_HIGHEST = 9000


def main() -> None:
    """Write the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ledger", help="show the campaigns of this ledger, not the awkward ones")
    parser.add_argument("--only", nargs="*", default=(*AWKWARD, "learnt"), help="the awkward campaigns to show")
    parser.add_argument("--views", nargs="*", default=(*_VIEWS, "list", "form"))
    parser.add_argument("--widths", nargs="*", type=int, default=_WIDTHS)
    parser.add_argument("--reports", nargs="*", type=Path, default=(), help="files of reports to show, too")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile, tempfile.TemporaryDirectory() as place:
        if asked.ledger is None:
            write_awkward(Path(place), asked.only)
        with chromium(Path(profile)) as page, dashboard(asked.ledger or place) as served:
            page.open(f"{served.address}/#token={TOKEN}")
            page.until("document.getElementById('logout') !== null")
            names = [each.name for each in kept_in(place_of(asked.ledger or place).store)]
            made = [] if asked.ledger else _reports(Path(place), names)
            addresses = _addresses(served.address, names, asked.views, [*asked.reports, *made])
            for called, address, form in addresses:
                for width in asked.widths:
                    for dark in (False, True):
                        name = f"{called}-{width}{'-dark' if dark else ''}"
                        _take(page, address, form, width, dark, asked.folder / f"{name}.png")
                        if page.problems:
                            sys.stderr.write(f"{name}: {page.problems}\n")
                            page.problems.clear()


def _addresses(
    address: str, names: Sequence[str], views: Sequence[str], reports: Sequence[Path]
) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each picture, its address, and the button that opens its form."""
    if "list" in views:
        yield "list", f"{address}/", ""
    for name in names:
        base = f"{address}/campaigns/{quote(name)}"
        for view, path in _VIEWS.items():
            if view in views:
                yield f"{name}-{view}", f"{base}{path}", ""
        if "form" in views:
            for form in _FORMS:
                yield f"{name}-form-{form}", f"{base}{'/trials/3' if form == 'report' else ''}", form
    for report in reports:
        yield f"report-{report.stem}", report.absolute().as_uri(), ""


def _reports(place: Path, names: Sequence[str]) -> Iterator[Path]:
    """Yield the files of the reports of these campaigns."""
    for name in names:
        history = History.from_events(asyncio.run(events_of(open_ledger(str(place), name, place))))
        file = place / f"{name}.html"
        file.write_text(render_report(history, story_about(history)), encoding="utf-8")
        yield file


def _take(page: Page, address: str, form: str, width: int, dark: bool, file: Path) -> None:
    page.size(width, dark=dark)
    page.open(address)
    page.until("document.querySelector('main section') !== null")
    page.until("typeof parts === 'undefined' || parts.every((part) => part.next > 0 && !part.busy)")
    page.until("!document.querySelector('main').innerText.includes('Reading the ledger')")
    if form:
        button = f"document.querySelector('[data-act={form}]')"
        if page.value(f"{button} === null"):
            return
        page.value(f"{button}.click()")
        page.until("document.getElementById('ask').open")
    else:
        # Charts are drawn when they come near the window, so all of the page is in it.
        page.size(width, _HIGHEST, dark=dark)
        page.until(_DRAWN)
        page.size(width, min(page.value("document.querySelector('main').offsetHeight + 80"), _HIGHEST), dark=dark)
        page.until(_DRAWN)
    page.picture(file)


if __name__ == "__main__":
    main()
