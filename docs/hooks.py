"""Build steps of the documentation: generate the reference, and show links that leave docs/ as plain names."""

import re
from pathlib import Path

from generated import campaign_file, command_line, events, exit_codes, python_api, views
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_DOCS = Path(__file__).parent
_LINK = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+[^)#\s]+)(?:#[^)]*)?\)")
_REFERENCE = {
    "campaign-file.md": campaign_file,
    "command-line.md": command_line,
    "python.md": python_api,
    "events.md": events,
    "views.md": views,
    "exit-codes.md": exit_codes,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for name, module in _REFERENCE.items():
        files.append(File.generated(config, f"reference/{name}", content=module.page()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace each link to a file of the repository outside docs/ by its name; raises PluginError if it is missing."""
    folder = _DOCS / Path(page.file.src_uri).parent
    return _LINK.sub(lambda link: _named(link, folder, page.file.src_uri), markdown)


def _named(link: re.Match[str], folder: Path, page: str) -> str:
    target = (folder / link[2]).resolve()
    if target.is_relative_to(_DOCS):
        return link[0]
    if not target.exists():
        raise PluginError(f"{page}: the link {link[0]} leads to a file that does not exist")
    name = str(target.relative_to(_DOCS.parent))
    return f"`{name}`" if name in link[1] else f"{link[1]} (`{name}`)"
