"""Show a running campaign on a Prefect server: artifacts, and events for automations.

The ledger comes first and waits for no server. If the server does not accept something, that is reported once and the
campaign continues.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import ArtifactCreate, ArtifactUpdate
from prefect.context import FlowRunContext
from prefect.events.utilities import emit_event

from overnight.campaign import History
from overnight.campaign.values.harmless import harmless
from overnight.flows.definition.campaign_file import CampaignFile
from overnight.flows.engine.artifacts import Picture, artifacts_of, key_of
from overnight.flows.host.clock import SystemClock
from overnight.flows.session.lease import is_own
from overnight.report.happenings import Happening, News

_PAUSE = 10.0
_LAST_WORDS = 15.0


@contextlib.asynccontextmanager
async def prefect_view(
    file: CampaignFile, report: Callable[[History], Path], notify: Callable[[str], None], pause: float = _PAUSE
) -> AsyncIterator[Callable[[History], None]]:
    """Yield a function to call with every history; artifacts are written at most once in `pause` seconds.

    At the end the report is written, and the final state is shown.
    """
    view = PrefectView(file, report, notify)
    showing = asyncio.create_task(view.show(pause))
    try:
        yield view.watch
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
        await view.conclude()


class PrefectView:
    """The artifacts and events of one campaign that a server receives in one flow run."""

    def __init__(self, file: CampaignFile, report: Callable[[History], Path], notify: Callable[[str], None]) -> None:
        self._file, self._report, self._tell = file, report, notify
        self._news = News()
        self._history: History | None = None
        self._drawn: History | None = None
        self._changed = asyncio.Event()
        self._known: dict[str, tuple[UUID, Picture]] = {}
        self._reported = False

    def watch(self, history: History) -> None:
        """Take in a new history; it is sent when the event loop has time for it."""
        if self._history is None:
            self._news.of(history)
        self._history = history
        self._changed.set()

    async def show(self, pause: float) -> None:
        """Send news for as long as the campaign runs."""
        await asyncio.gather(self._keep_sending(), self._keep_drawing(pause))

    async def conclude(self) -> None:
        """Send the rest and the report; an unavailable server does not keep the campaign from ending."""
        self._emit_news()
        if self._history is None or not self._ours():
            return
        report = await self._write_report(self._history)
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await self._draw(report)
        except TimeoutError:
            self._report_once(f"its server did not accept the last artifacts within {_LAST_WORDS:g} s")

    async def _keep_sending(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._emit_news()

    async def _keep_drawing(self, pause: float) -> None:
        while True:
            await self._draw()
            await asyncio.sleep(pause)

    def _emit_news(self) -> None:
        if self._history is None:
            return
        news = self._news.of(self._history)
        for happening in news if self._ours() else []:
            try:
                _emit(self._file.campaign.name, happening)
            except Exception as problem:
                self._report_once(f"the event `{happening.kind}` was not sent ({type(problem).__name__}: {problem})")

    def _ours(self) -> bool:
        """Return whether this process acts for the campaign; a process that was refused shows nothing."""
        return self._history is not None and is_own(self._history.lease)

    async def _draw(self, report: Path | None = None) -> None:
        history = self._history
        if history is None or not self._ours() or (history is self._drawn and report is None):
            return
        try:
            pictures = await asyncio.to_thread(artifacts_of, history, SystemClock().now(), report)
            async with get_client() as client:
                for picture in pictures:
                    await self._put(client, picture)
        except Exception as problem:
            self._report_once(f"its server did not accept the artifacts ({type(problem).__name__}: {problem})")
        else:
            self._drawn = history

    async def _put(self, client: PrefectClient, picture: Picture) -> None:
        """Create each artifact of this flow run once, and update it from then on; each creation would add a row."""
        known = self._known.get(picture.name)
        if known is None:
            run = FlowRunContext.get()
            new = ArtifactCreate(
                key=key_of(self._file.campaign.name, picture.name),
                type=picture.type,
                data=picture.data,
                description=picture.description,
                flow_run_id=run.flow_run.id if run is not None and run.flow_run is not None else None,
            )
            self._known[picture.name] = ((await client.create_artifact(new)).id, picture)
        elif known[1] != picture:
            change = ArtifactUpdate(data=picture.data, description=picture.description)
            # Not with the client's own method, which also sends all of the data as an event that is kept for a week.
            await client.request(
                "PATCH",
                "/artifacts/{id}",
                path_params={"id": known[0]},
                json=change.model_dump(mode="json", exclude_unset=True),
            )
            self._known[picture.name] = (known[0], picture)

    async def _write_report(self, history: History) -> Path | None:
        try:
            return await asyncio.to_thread(self._report, history)
        except Exception as problem:
            self._report_once(f"no report was written ({type(problem).__name__}: {problem})")
            return None

    def _report_once(self, what: str) -> None:
        if not self._reported:
            self._reported = True
            self._tell(f"Prefect does not show everything: {what}. The campaign continues; nothing of it is lost.")


def _emit(campaign: str, happening: Happening) -> None:
    related = []
    if happening.trial is not None:
        trial = f"overnight.trial.{campaign}.{happening.trial}"
        related = [{"prefect.resource.id": trial, "prefect.resource.role": "trial"}]
    emit_event(
        event=f"overnight.{happening.kind}",
        resource={"prefect.resource.id": f"overnight.campaign.{campaign}", "prefect.resource.name": campaign},
        related=related,
        payload={"campaign": campaign, "text": harmless(happening.text), "trial": happening.trial, **happening.facts},
    )
