"""A campaign of any ledger, to look at from Python and in notebooks; nothing is written."""

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from overnight.campaign import History
from overnight.campaign.errors import LedgerError
from overnight.campaign.insight import Insight
from overnight.campaign.recommendation import Recommendation
from overnight.campaign.values.printed import Printed
from overnight.flows.api.drawings import Drawings
from overnight.flows.api.place import Place, place_of
from overnight.flows.api.sync import run_sync
from overnight.flows.host.clock import SystemClock
from overnight.flows.rules.recommending import insight_into, proposer_of, recommendation_of
from overnight.flows.session.journal import Journal
from overnight.flows.session.lease import controller_lives
from overnight.flows.session.still_there import refuse_lost
from overnight.report.html import render_report, render_sections
from overnight.report.status import status_lines
from overnight.report.story import Story, story_of
from overnight.report.story.standing import standing_of
from overnight.report.tables import trial_rows
from overnight.storage import kept_campaigns

if TYPE_CHECKING:
    import pandas


def open_campaign(place: str | Path) -> "OpenCampaign":
    """Return the campaign of a file, of a folder in a ledger, or of a URL such as `s3://bucket/ledgers/name`.

    A directory or a bucket with a single campaign stands for that one. Raises InvalidDefinition if a file has mistakes,
    and LedgerError if there is no such campaign.
    """
    found = place_of(str(place))
    return OpenCampaign(found.only or _only_one(str(place), found.address), found)


def _only_one(place: str, address: str) -> str:
    names = [kept.name for kept in kept_campaigns(address, Path())]
    if len(names) != 1:
        listed = ", ".join(names) or "none"
        raise LedgerError(f"{place}: expected one campaign, found {listed}. Add its name to the place.")
    return names[0]


@dataclass(frozen=True)
class _Learnt:
    """A history with its story and recommendation, which are made once, and its charts, once they are asked for."""

    history: History
    story: Story
    recommendation: Recommendation | None

    @cached_property
    def figures(self) -> dict[str, str]:
        """Return the charts of the report as JSON by their places."""
        return render_sections(self.history, self.story).figures


class OpenCampaign(Printed):
    """A campaign as its ledger holds it now: each property and method first reads what others have appended."""

    def __init__(self, name: str, place: Place) -> None:
        self.name, self._place = name, place
        self._ledger = place.ledger(name)
        self._journal = Journal(self._ledger)
        self._known: _Learnt | None = None

    def __repr__(self) -> str:
        return f"<OpenCampaign: {self.name!r}, ledger {self._place.address!r}>"

    def __str__(self) -> str:
        return "\n".join(status_lines(self._story_at(SystemClock().now(), self.history)))

    @property
    def history(self) -> History:
        """Return all trials and events so far; raises LedgerError if nothing has been recorded, or it is gone."""
        run_sync(self._journal.refresh())
        where = self._place.location(self.name)
        refuse_lost(self._ledger, self._journal, where)
        if self._journal.history.defined is None:
            raise LedgerError(f"{where}: expected the ledger of campaign `{self.name}`, found nothing.")
        return self._journal.history

    @property
    def best(self) -> Recommendation | None:
        """Return the recommendation, which is computed if none is recorded that holds; None before any result."""
        return self._learnt().recommendation

    @property
    def story(self) -> Story:
        """Return how the campaign stands and what its model has learnt, as the report shows it."""
        return self._learnt().story

    def trials(self) -> "pandas.DataFrame":
        """Return a row for each trial, with the columns of the view `trials` of `overnight query`; needs pandas."""
        try:
            import pandas
        except ImportError:
            raise ImportError(
                "`trials` returns a table of pandas, which is not installed: pip install pandas"
            ) from None
        rows = trial_rows(self.history)
        return pandas.DataFrame(rows).set_index("trial") if rows else pandas.DataFrame()

    def watch(self, every: float = 1.0) -> None:
        """Show in this notebook cell how the campaign stands, again whenever its ledger grows, until it is over.

        The ledger is read every so many seconds. Interrupting the cell ends only this display. Needs IPython.
        """
        try:
            from IPython.display import display
        except ImportError:
            raise ImportError(
                "`watch` updates a cell through IPython, which is not installed: pip install ipython"
            ) from None
        shown = self.history
        cell = display(self, display_id=True)
        with suppress(KeyboardInterrupt):
            while not standing_of(shown, SystemClock().now(), alive=controller_lives(shown)).is_over:
                time.sleep(every)
                if self.history is not shown:
                    shown = self.history
                    # Outside of a notebook, text is printed.
                    display(self) if cell is None else cell.update(self)

    def report(self, file: str | Path) -> Path:
        """Write the report, one self-contained HTML file, and return its path."""
        found, path = self._learnt(), Path(file)
        path.write_text(render_report(found.history, found.story), encoding="utf-8")
        return path

    def plot_course(self) -> Drawings:
        """Return the best result over the trials."""
        return self._drawings("course")

    def plot_slices(self) -> Drawings:
        """Return the model along each of the parameters that matter most, through the recommended point."""
        return self._drawings("slice")

    def plot_importance(self) -> Drawings:
        """Return the share of each parameter in the variation of the objective."""
        return self._drawings("importance")

    def plot_contour(self) -> Drawings:
        """Return the model over the two parameters that matter most."""
        return self._drawings("contour")

    def plot_pairs(self) -> Drawings:
        """Return the model over each other pair of the parameters that matter most."""
        return self._drawings("pair")

    def plot_left_out(self) -> Drawings:
        """Return the prediction of each result by a model that has not seen it."""
        return self._drawings("left-out")

    def plot_parameters(self) -> Drawings:
        """Return the results over the parameters without a slice."""
        return self._drawings("parameter")

    def plot_front(self) -> Drawings:
        """Return the front of several objectives."""
        return self._drawings("front")

    def plot_limits(self) -> Drawings:
        """Return the metrics that constraints limit."""
        return self._drawings("limit")

    def plot_arms(self) -> Drawings:
        """Return the arms of an A/B test and their differences to the status quo."""
        return self._drawings("arms")

    def plot_timeline(self) -> Drawings:
        """Return the times at which the workers were busy."""
        return self._drawings("timeline")

    def _drawings(self, kind: str) -> Drawings:
        figures = self._learnt().figures
        # Charts of a context have its number before their names, and those of a kind their own behind them.
        of_kind = re.compile(rf"(?:.*-)?{kind}(?:-\d+)*")
        return Drawings(kind, {place: figure for place, figure in figures.items() if of_kind.fullmatch(place)})

    def _learnt(self) -> "_Learnt":
        """Return the present history with its story, recommendation and charts."""
        history = self.history
        if self._known is None or self._known.history is not history:
            proposer = proposer_of(history, Path())
            found = recommendation_of(history, proposer)
            story = self._story_at(SystemClock().now(), history, found, insight_into(history, found, proposer))
            self._known = _Learnt(history, story, found)
        return self._known

    def _story_at(
        self,
        now: datetime,
        history: History,
        recommendation: Recommendation | None = None,
        insight: Insight | None = None,
    ) -> Story:
        return story_of(
            history,
            now,
            alive=controller_lives(history),
            recommendation=recommendation,
            insight=insight,
            ledger=self._place.location(self.name),
        )
