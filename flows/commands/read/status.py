"""`overnight status`: how a campaign stands, in a few lines."""

from pathlib import Path

from overnight.flows.commands.read.past import read_past
from overnight.flows.host.terminal import terminal
from overnight.flows.session.lease import controller_lives, hangs_here, seen_from_afar
from overnight.flows.session.opening import what_is_refused
from overnight.report.status import status_lines
from overnight.storage import ledger_location


def status(path: Path, as_of: str | None) -> None:
    """Print counts, the best so far and the time left."""
    file, history = read_past(path, as_of)
    console = terminal()
    for line in status_lines(history, alive=as_of is not None or controller_lives(history)):
        console.print(line, soft_wrap=True)
    if as_of is None and (elsewhere := seen_from_afar(history)) is not None:
        console.print(elsewhere, soft_wrap=True)
    if as_of is None and (hangs := hangs_here(history)) is not None:
        console.print(hangs, soft_wrap=True)
    if as_of is None and (changed := what_is_refused(history, file.campaign)):
        more = f" and {len(changed) - 1} more" if changed[1:] else ""
        console.print(f"{path} defines another campaign, which this ledger refuses: {changed[0]}{more}", soft_wrap=True)
    console.print(f"ledger: {ledger_location(file.ledger, file.campaign.name, Path())}", soft_wrap=True)
