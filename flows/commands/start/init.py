"""`overnight init`: write a campaign that runs without changes."""

from pathlib import Path

from overnight.campaign.errors import OvernightError
from overnight.flows.definition.campaign_template import TEMPLATE_FILES
from overnight.flows.definition.json_schema import SCHEMA_FILE, schema_text
from overnight.flows.host.terminal import terminal


def init(folder: Path) -> None:
    """Write the template's files and the schema; refuse to overwrite a campaign or an objective."""
    files = {**TEMPLATE_FILES, SCHEMA_FILE: schema_text()}
    there = [str(folder / name) for name in TEMPLATE_FILES if (folder / name).exists()]
    if there:
        exist = "exists" if len(there) == 1 else "exist"
        raise OvernightError(f"init: {' and '.join(there)} {exist} already. Name another folder: overnight init FOLDER")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / name).write_text(text)
    except OSError as problem:
        raise OvernightError(
            f"init: {folder}: expected a folder to write to, found that it cannot be used: {problem.strerror}. Name "
            "another folder: overnight init FOLDER"
        ) from None
    console = terminal()
    console.print(f"Wrote {', '.join(str(folder / name) for name in files)}. Next:", soft_wrap=True)
    console.print(f"  overnight check {folder / 'campaign.yaml'}\n  overnight run {folder / 'campaign.yaml'}")
