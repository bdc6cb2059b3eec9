"""Mirror a campaign while it runs, in a thread of its own, so that a slow server stops nothing."""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from overnight.campaign import History
from overnight.campaign.errors import OvernightError
from overnight.flows.host.clock import Clock
from overnight.flows.mirrors.mirror import Mirror
from overnight.flows.mirrors.mlflow_server import MlflowServer
from overnight.flows.mirrors.settings import MirrorSettings
from overnight.flows.session.lease import is_own
from overnight.report.story import story_of

_PAUSE, _AFTER_A_PROBLEM = 5.0, 30.0


def mirror_of(settings: MirrorSettings, campaign: str) -> Mirror:
    """Return the mirror that a campaign file asks for."""
    return Mirror(MlflowServer(settings.mlflow, settings.experiment or campaign))


class Following:
    """The thread that mirrors a campaign, at most once in `pause` seconds; `notify` is called with problems.

    The newest history waits in a queue of one, because it holds all that the earlier ones do.
    """

    def __init__(self, mirror: Mirror, clock: Clock, notify: Callable[[str], None], pause: float = _PAUSE) -> None:
        self._mirror, self._clock, self._notify = mirror, clock, notify
        self._pause = pause
        self._newest: History | None = None
        self._page: Path | None = None
        self._changed, self._closing, self._given_up = threading.Event(), threading.Event(), threading.Event()
        self._reported = False
        # A daemon, so that a server that hangs does not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="mirror", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def watch(self, history: History) -> None:
        """Take in a new history; unless this process acts for the campaign, another one mirrors it."""
        before, self._newest = self._newest, history if is_own(history.lease) else None
        # Nothing has changed before the lease is taken, and the first writing must not wait for a pause.
        if before is not self._newest:
            self._changed.set()

    def close(self, page: Path | None, seconds: float) -> None:
        """Let the thread write the rest and the page of the report, and give up after so many seconds."""
        self._page = page
        self._closing.set()
        self._changed.set()
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._given_up.set()
            self._report(f"{self._mirror.server.address}: it did not accept the rest within {seconds:g} s", last=True)
        else:
            with suppress(Exception):
                self._mirror.close()

    def _work(self) -> None:
        written: History | None = None
        while not self._given_up.is_set():
            self._changed.wait()
            self._changed.clear()
            last, history = self._closing.is_set(), self._newest
            # At the end it is written again: no controller is at work any more.
            worked = history is None or (history is written and not last) or self._write(history, last=last)
            if worked:
                written = history
            if last:
                if worked and history is not None:
                    self._store_page()
                return
            if not worked:
                self._changed.set()
            # Closing ends the pause.
            self._closing.wait(self._pause if worked else max(self._pause, _AFTER_A_PROBLEM))

    def _write(self, history: History, *, last: bool) -> bool:
        try:
            story = story_of(history, self._clock.now(), alive=not last)
            self._mirror.bring_up_to(history, story, lambda: not self._given_up.is_set())
        except Exception as problem:
            self._report_problem(problem, last=last)
            return False
        self._reported = False
        return True

    def _store_page(self) -> None:
        if self._page is None:
            return
        try:
            self._mirror.write_report(self._page.read_text(encoding="utf-8"))
        except Exception as problem:
            self._report_problem(problem, last=True)

    def _report_problem(self, problem: Exception, *, last: bool) -> None:
        text = str(problem) if isinstance(problem, OvernightError) else f"{type(problem).__name__}: {problem}"
        self._report(text, last=last)

    def _report(self, what: str, *, last: bool) -> None:
        """Report a problem: the first of several in a row, and the one that leaves the mirror incomplete."""
        if last:
            self._notify(
                f"The mirror is incomplete: {what.rstrip('.')}. Nothing of the campaign is lost; `overnight mirror "
                "CAMPAIGN` writes the rest."
            )
        elif not self._reported:
            self._reported = True
            self._notify(
                f"The mirror does not show everything: {what.rstrip('.')}. The campaign continues, nothing of it is "
                "lost, and the mirror is tried again; `overnight mirror CAMPAIGN` writes what is missing after the run."
            )
