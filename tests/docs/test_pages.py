import re
from pathlib import Path

import pytest
from fenced_blocks import PAGES, REPOSITORY

# mkdocs checks the links within docs/.
OUTSIDE = [REPOSITORY / name for name in ("README.md", "ARCHITECTURE.md", "benchmarks/README.md", "infra/README.md")]
WIDTH = 120


def named(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def prose(page: Path) -> list[str]:
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [line for line in text.splitlines() if not line.startswith(("|", ">", "<!--"))]


@pytest.mark.parametrize("page", OUTSIDE, ids=named)
def test_every_link_of_a_page_outside_of_the_site_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", [*PAGES, REPOSITORY / "ARCHITECTURE.md"], ids=named)
def test_prose_is_wrapped(page):
    assert [line for line in prose(page) if len(line) > WIDTH] == []
