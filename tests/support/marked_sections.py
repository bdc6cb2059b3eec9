"""Pages that several commands write: each replaces the part between its own two marks and leaves the rest alone."""

from pathlib import Path


def replace_section(page: Path, command: str, text: str) -> None:
    """Put the text in the place of what this command wrote before; raises ValueError where its marks are missing."""
    begin, end = f"<!-- {command}: begin -->\n", f"<!-- {command}: end -->\n"
    before, found, rest = page.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise ValueError(f"{page}: expected the lines `{begin.strip()}` and `{end.strip()}`, found not both")
    page.write_text(f"{before}{begin}{text}{end}{after}")
