"""Bring the runs of a campaign at a tracking server up to date with its history."""

from collections.abc import Callable, Iterator

from overnight.campaign import History, Trial
from overnight.campaign.history.events import MeasurementReported
from overnight.flows.mirrors.mlflow_server import Kept, MirrorProblem, MlflowServer
from overnight.flows.mirrors.runs import Metric, Run, TrialRuns, campaign_run
from overnight.report.story import Story

_PARENT = "campaign"
_REPORT = "report.html"


class Mirror:
    """The runs of one campaign at a server.

    Each run has tags that identify it, and a digest of its content. A new mirror therefore continues where another one
    was interrupted, and writes nothing twice. To write a run again after an answer was lost changes nothing there.
    """

    def __init__(self, server: MlflowServer) -> None:
        self.server = server
        # The runs at the server; None before they are looked for, and after a problem.
        self._kept: dict[str, Kept] | None = None
        self._digests: dict[str, str] = {}
        self._metrics: dict[str, frozenset[Metric]] = {}
        self._seen: dict[int, tuple[Trial, tuple[MeasurementReported, ...]]] = {}

    def bring_up_to(self, history: History, story: Story, may_continue: Callable[[], bool] = lambda: True) -> int:
        """Write what has changed since the last call, and return how many trials that were.

        It ends early if it may not continue. Raises MirrorProblem; the next call then looks at the server again.
        """
        assert history.defined is not None
        try:
            return self._bring_up_to(history, story, history.defined.uid, may_continue)
        except MirrorProblem:
            self._forget()
            raise
        except (KeyError, TypeError, AttributeError) as problem:
            self._forget()
            text = f"{self.server.address}: expected the answers of MLflow, found others ({type(problem).__name__})"
            raise MirrorProblem(text) from problem

    def write_report(self, page: str) -> bool:
        """Store the report with the parent run; return whether the server takes artifacts."""
        parent = (self._kept or {}).get(_PARENT)
        return parent is not None and self.server.write_artifact(parent, _REPORT, page)

    def close(self) -> None:
        """Close the connections to the server."""
        self.server.close()

    def _bring_up_to(self, history: History, story: Story, uid: str, may_continue: Callable[[], bool]) -> int:
        if self._kept is None:
            self._kept = self.server.runs_of(uid)
            self._digests = {key: kept.digest for key, kept in self._kept.items() if kept.digest is not None}
        had_parent = _PARENT in self._kept
        self._write(campaign_run(history, story), uid, None, self._kept)
        if not had_parent:
            # Trials below a parent that was deleted there move to the new one.
            self._digests = {_PARENT: self._digests[_PARENT]}
        parent, written = self._kept[_PARENT].id, 0
        for trial, run in self._changed(history):
            if not may_continue():
                return written
            written += self._write(run, uid, parent, self._kept)
            self._seen[trial.id] = trial, history.reports.get(trial.id, ())
        return written

    def _changed(self, history: History) -> Iterator[tuple[Trial, Run]]:
        """Yield the trials that are not the same objects as in the last call, by their numbers."""
        runs = TrialRuns(history)
        for number, trial in sorted(history.trials.items()):
            seen, reports = self._seen.get(number), history.reports.get(number, ())
            if seen is None or seen[0] is not trial or seen[1] is not reports:
                yield trial, runs.of(trial)

    def _write(self, run: Run, uid: str, parent: str | None, kept: dict[str, Kept]) -> bool:
        """Create or write a run, unless the server has all of it; return whether anything was written."""
        if self._digests.get(run.key) == run.digest:
            return False
        if run.key not in kept:
            kept[run.key] = self.server.create(run, uid, parent)
        known = self._metrics.get(run.key, frozenset())
        self.server.write(kept[run.key], run, [metric for metric in run.metrics if metric not in known], parent)
        self._metrics[run.key], self._digests[run.key] = frozenset(run.metrics), run.digest
        return True

    def _forget(self) -> None:
        self.server.forget()
        self._kept = None
        self._digests.clear()
        self._metrics.clear()
        self._seen.clear()
