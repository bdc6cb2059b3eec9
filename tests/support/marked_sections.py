"""Pages that several commands write: each command replaces only the part between its two markers."""

from pathlib import Path


def replace_section(page: Path, command: str, text: str) -> None:
    """Replace the earlier text of this command; raises ValueError if its markers are missing."""
    begin, end = f"<!-- {command}: begin -->\n", f"<!-- {command}: end -->\n"
    before, found, rest = page.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page}: expected the lines `{begin.strip()}` and `{end.strip()}`, found not both")
    page.write_text(f"{before}{begin}{text}{end}{after}")
