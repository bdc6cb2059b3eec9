"""Commands as a person types them: each is run, and its command line and output are kept for the page."""

import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Typed:
    """One command, its output without the colours of a terminal, and its exit code."""

    command: str
    output: str
    code: int


class Terminal:
    """A shell in a campaign's folder; `hidden` are texts that no page may hold, and the text shown instead."""

    def __init__(self, python: Path, folder: Path, hidden: Mapping[str, str]) -> None:
        self._python, self._folder, self._hidden = python, folder, dict(hidden)
        self.typed: list[Typed] = []

    def type(self, line: str, environment: Mapping[str, str]) -> Typed:
        """Run a program of this Python, such as `overnight status`, and keep its output and exit code."""
        done = subprocess.run(
            [str(self._python), "-P", "-m", *shlex.split(line)],
            cwd=self._folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.typed.append(Typed(line, self.without_hidden(done.stdout), done.returncode))
        return self.typed[-1]

    def without_hidden(self, text: str) -> str:
        """Return a text as a page may show it, without the colours of a terminal and the spaces at the end of lines."""
        for found, shown in self._hidden.items():
            text = text.replace(found, shown)
        return "\n".join(line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).strip("\n").splitlines())
