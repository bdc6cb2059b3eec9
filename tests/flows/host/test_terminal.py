"""Text from evaluators and files reaches a terminal as plain text, without control codes."""

import io
import json
import logging
import os
import re
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overnight.flows.host.log import LOG
from overnight.flows.host.terminal import (
    Harmless,
    discard_unwritable_output,
    escape_unencodable_characters,
    terminal,
)
from overnight.report.tables import to_csv, to_json

EVIL = "\x1b[2J [bold]b[/bold] [/nope] :bomb: \x9b31m \u202e \x07 \ud800"
SEEN = r"\x1b[2J [bold]b[/bold] [/nope] :bomb: \x9b31m \u202e"


def left_over(printed: str) -> list[str]:
    """Return the control characters in the output, except for line ends and our own colours."""
    return re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", re.sub("\x1b\\[[0-9;]*m", "", printed))


@pytest.mark.parametrize("colours", [False, True])
def test_texts_tables_and_styles_print_foreign_text_literally(colours: bool):
    out = io.StringIO()
    console = terminal()
    console.file = out
    table = Table("name" + EVIL)
    table.add_row(Text(EVIL, style="red"))
    for what in (EVIL, Text.assemble(("failed ", "red"), EVIL), table):
        console.print(what, soft_wrap=True, style="yellow" if colours else None)
    assert not left_over(out.getvalue())
    assert out.getvalue().count(SEEN) == 4


def test_our_own_colours_stay():
    out = io.StringIO()
    Console(file=out, force_terminal=True, color_system="standard").print(Harmless(Text("x\x1b[2J", style="red")))
    assert out.getvalue() == "\x1b[31mx\\x1b[2J\x1b[0m\n"


def test_the_log_writes_foreign_text_harmless(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, logger="overnight"):
        LOG.warning("it said %s", "\x1b[2J")
    assert caplog.messages == [r"it said \x1b[2J"]


def test_only_the_door_to_the_terminal_makes_consoles():
    """Any other way of printing bypasses the guard; JSON and CSV have their own (report/tables.py)."""
    root = Path(__file__).parents[3]
    written = {
        str(path.relative_to(root)): len(re.findall(r"\bConsole\(|\bprint\(|typer\.echo|from rich import print", text))
        for folder in ("flows", "report", "overnight", "storage", "campaign")
        for path in (root / folder).rglob("*.py")
        if (text := re.sub(r"(console|terminal\(.*?\)|_errors)\.print\(", "", path.read_text()))
    }
    assert {path: count for path, count in written.items() if count} == {
        "flows/host/terminal.py": 1,
        "flows/commands/read/trials.py": 1,
        "flows/commands/read/status.py": 1,
        "flows/commands/read/compare.py": 1,
        "flows/commands/start/schema.py": 1,
        "flows/cli.py": 1,
    }


def test_a_message_with_quotes_and_controls_survives_json():
    rows = [{"trial": 1, "message": EVIL}]
    assert json.loads(to_json(rows)) == rows
    assert not left_over(to_json(rows) + to_csv(rows))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_campaign_goes_on_when_nothing_of_it_can_be_shown(monkeypatch: pytest.MonkeyPatch):
    reader, writer = os.pipe()
    os.close(reader)
    for broken in (os.open("/dev/full", os.O_WRONLY), writer):
        with open(broken, "w") as out:
            monkeypatch.setattr("sys.stdout", out)
            with pytest.raises((OSError, SystemExit)):
                terminal().print("what nobody sees")
            console = terminal(lossy=True)
            for _ in range(3):
                console.print("x" * 10_000)
            discard_unwritable_output()
            monkeypatch.undo()


def test_what_an_encoding_lacks_is_written_as_python_writes_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with (tmp_path / "out").open("w", encoding="ascii") as out, monkeypatch.context() as patch:
        patch.setattr("sys.stdout", out)
        patch.setattr("sys.stderr", out)
        escape_unencodable_characters()
        terminal().print("5 ± 1 °C ✓")
    assert (tmp_path / "out").read_text() == "5 \\xb1 1 \\xb0C \\u2713\n"
