"""The audit of a campaign: what was done and by whom, its receipts, and a verification of its ledger."""

from datetime import UTC

from overnight.campaign.errors import LedgerError
from overnight.flows.dashboard.followed import Followed, Seen
from overnight.flows.dashboard.templates import part, rendered
from overnight.report.deeds import deeds
from overnight.report.numbers import moment
from overnight.report.verification import verification_lines
from overnight.storage import Receipts, read_receipts, verify

_PAGE = 100
_MOST_RECEIPTS = 20


def audit_part(followed: Followed, seen: Seen, page: int = 1) -> str:
    """Return the deeds, the newest first, and the newest receipts as a part of the page."""
    if seen.history.defined is None:
        return part(rendered("problem.html.jinja", problem=seen.problem or "reading the ledger …"), seen.version)
    receipts, problem = Receipts(), ""
    file = followed.place.receipts
    try:
        receipts = Receipts() if file is None else read_receipts(file.path)
    except LedgerError as unreadable:
        problem = str(unreadable)
    found = deeds(seen.deeds)
    pages = max(-(-len(found) // _PAGE), 1)
    page = min(page, pages)
    html = rendered(
        "deeds.html.jinja",
        problem=seen.problem,
        name=followed.name,
        deeds=[(moment(each.at, UTC), each) for each in found[(page - 1) * _PAGE : page * _PAGE]],
        count=len(found),
        page=page,
        pages=pages,
        events=seen.history.events_read,
        head=seen.head,
        file=None if file is None else str(file.path),
        receipts=[(moment(each.time, UTC), each) for each in reversed(receipts.kept[-_MOST_RECEIPTS:])],
        all_receipts=len(receipts.kept),
        unreadable=problem,
        location=followed.place.location(followed.name),
    )
    return part(html, f"{seen.version}-{len(receipts.kept)}")


def verification_part(followed: Followed) -> str:
    """Verify the ledger and return the finding as a part of the page; nothing is written, no receipt either."""
    file = followed.place.receipts
    whole, lines = True, list[str]()
    try:
        receipts = Receipts() if file is None else read_receipts(file.path)
        found = verify(followed.place.ledger(followed.name), receipts.kept)
        lines = [*verification_lines(found, receipts, None if file is None else file.path)]
    except LedgerError as problem:
        whole, lines = False, [str(problem)]
    return part(rendered("verified.html.jinja", whole=whole, lines=lines), "")
