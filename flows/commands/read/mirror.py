"""`overnight mirror`: write a campaign to a tracking server, or what is missing there."""

from contextlib import closing
from pathlib import Path

from overnight.campaign.errors import OvernightError
from overnight.campaign.problems import one_line
from overnight.flows.commands.read.past import read_past
from overnight.flows.host.clock import SystemClock
from overnight.flows.host.terminal import terminal
from overnight.flows.mirrors.following import mirror_of
from overnight.flows.mirrors.settings import MirrorSettings, tracking_server
from overnight.flows.report_page import whole_story
from overnight.flows.session.lease import controller_lives
from overnight.report.html import render_report


def mirror(path: Path, mlflow: str | None, experiment: str | None) -> None:
    """Bring the runs at the server up to date, and print their page."""
    kept, history = read_past(path)
    asked = None if kept.file is None else kept.file.mirror
    settings = _settings(path, asked, mlflow, experiment)
    if asked is not None and _place(settings, kept.name) == _place(asked, kept.name) and controller_lives(history):
        raise OvernightError(
            f"{path}: its controller is running and writes to {settings.mlflow} itself, so nothing was written. Run "
            "`overnight mirror` when it has ended."
        )
    alive = controller_lives(history)
    story = whole_story(kept.address, kept.proposer(history), history, SystemClock().now(), alive=alive)
    with closing(mirror_of(settings, kept.name)) as made:
        written = made.bring_up_to(history, story)
        with_report = made.write_report(render_report(history, story))
        page = made.server.page
    terminal().print(f"mirror: {len(history.trials)} trials at {page}, {written} of them written now", soft_wrap=True)
    if not with_report:
        terminal().print("The report was not stored: this server keeps its artifacts elsewhere.", soft_wrap=True)


def _place(settings: MirrorSettings, campaign: str) -> tuple[str, str]:
    return settings.mlflow, settings.experiment or campaign


def _settings(path: Path, asked: MirrorSettings | None, mlflow: str | None, experiment: str | None) -> MirrorSettings:
    """Return what the options ask for, and else the campaign's file."""
    if mlflow is None and asked is None:
        raise OvernightError(
            f"{one_line(str(path))}: expected a tracking server, found none. Name one: overnight mirror {path} "
            "--mlflow http://127.0.0.1:5000, or `mirror: {mlflow: …}` in the campaign file"
        )
    if mlflow is None:
        assert asked is not None
        return asked if experiment is None else asked.model_copy(update={"experiment": experiment})
    try:
        address = tracking_server(mlflow)
    except ValueError as problem:
        raise OvernightError(f"--mlflow: {problem}") from None
    return MirrorSettings(mlflow=address, experiment=experiment or (asked.experiment if asked else None))
