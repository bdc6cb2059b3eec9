"""The fenced blocks of Markdown pages, and a shell that runs the blocks of a page in order."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from command_line import environment, overnight
from typer.testing import CliRunner

from overnight.flows.cli import app

REPOSITORY = Path(__file__).parents[2]
# Without decisions and proofs, whose commands are a record of the past.
PAGES = (
    REPOSITORY / "README.md",
    *sorted(path for path in (REPOSITORY / "docs").rglob("*.md") if path.parent.name != "decisions"),
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_REASON = re.compile(r"<!-- not run: (.+?) -->\n+\Z", re.DOTALL)
_SAVED = re.compile(r"Save this as `(\S+)`[^\n]*:\n+\Z")
_ADDED = re.compile(r"[Aa]dd (?:this line|these lines) to `(\S+)`[^\n]*:\n+\Z")
# These start servers or processes. The others are called in this process, since a new one takes a second to import.
_BY_THEMSELVES = ("run",)


@dataclass(frozen=True)
class Block:
    """A fenced block, with the remarks about it in the text before."""

    language: str
    text: str
    reason: str | None
    saved_as: str | None
    added_to: str | None

    @property
    def is_run(self) -> bool:
        """Return whether these are commands that a reader runs."""
        return self.language == "sh" and not (self.reason or self.saved_as)


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    for found in _FENCE.finditer(text):
        before = text[: found.start()]
        reason, saved, added = (pattern.search(before) for pattern in (_REASON, _SAVED, _ADDED))
        yield Block(
            language=found[1],
            text=found[2],
            reason=reason[1] if reason else None,
            saved_as=saved[1] if saved else None,
            added_to=added[1] if added else None,
        )


@dataclass
class Shell:
    """Runs lines as a shell does, with its own working folder and variables."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def follow(self, page: str) -> None:
        """Run the commands of a page, and save the files that it asks its reader to save."""
        for block in blocks(page):
            if block.saved_as:
                (self.folder / block.saved_as).write_text(block.text)
            elif block.added_to:
                with (self.folder / block.added_to).open("a") as file:
                    file.write(block.text)
            elif block.is_run:
                self.run(block.text)

    def run(self, text: str) -> None:
        """Run the commands of a block in order; fails with the output of the first that fails."""
        for line in _commands(text):
            words = _words(line)
            if words[:1] == ["cd"]:
                self.folder /= words[1]
            elif words[:1] == ["overnight"] and words[1] not in _BY_THEMSELVES and not set(words) & {"|", ">", "||"}:
                self._call(words[1:])
            elif words[:1] == ["overnight"]:
                overnight(self.folder, *words[1:], variables=environment() | self.variables)
            elif words:
                self._execute(line)

    def _call(self, arguments: list[str]) -> None:
        before = Path.cwd()
        os.chdir(self.folder)
        try:
            done = CliRunner().invoke(app, arguments)
        finally:
            os.chdir(before)
        assert done.exit_code == 0, f"overnight {shlex.join(arguments)}\n{done.output}\n{done.exception!r}"

    def _execute(self, line: str) -> None:
        done = subprocess.run(
            ["bash", "-ec", line], cwd=self.folder, env=_with_tools(self.variables), capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def _with_tools(variables: Mapping[str, str]) -> dict[str, str]:
    everything = environment() | dict(variables)
    return everything | {"PATH": f"{Path(sys.executable).parent}:{everything['PATH']}"}


def _words(line: str) -> list[str]:
    return shlex.split(line, comments=True)


def _commands(text: str) -> Iterator[str]:
    """Yield the commands of a block: a line each, or several lines if a quote or a here-document continues."""
    pending, end = "", None
    for line in text.splitlines():
        pending += line + "\n"
        if end is not None:
            end = None if line == end else end
        elif found := re.search(r"<<'?(\w+)'?$", line):
            end = found[1]
        if end is None and _is_whole(pending):
            yield pending
            pending = ""
    assert not pending, f"expected a command that ends, found {pending!r}"


def _is_whole(line: str) -> bool:
    if line.endswith("\\\n"):
        return False
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return False
    return True
