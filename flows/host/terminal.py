"""Print on the terminal; text of others is shown literally and cannot control the terminal."""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from io import TextIOWrapper
from typing import Any

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

from overnight.campaign.values.harmless import harmless


class Harmless:
    """A renderable without control characters, except those of our own layout and colours."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the same segments with harmless text."""
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


class _AllHarmless(RenderHook):
    def process_renderables(self, renderables: Iterable[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [Harmless(renderable) for renderable in renderables]


class _Lossy:
    """The standard output without text that cannot be written: the disk of a log is full, or a pipe is closed."""

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stdout.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stdout.flush()


def terminal(*, stderr: bool = False, lossy: bool = False) -> Console:
    """Return a console that takes texts literally: no markup, no emoji codes, no foreign control characters.

    A `lossy` console is for work that must continue even if its output cannot be written.
    """
    file: Any = _Lossy() if lossy else None
    console = Console(file=file, stderr=stderr, highlight=False, markup=False, emoji=False)
    console.push_render_hook(_AllHarmless())
    return console


def escape_unencodable_characters() -> None:
    """Write characters that the terminal's encoding lacks as Python's escape sequences."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_unwritable_output() -> None:
    """Discard the rest of the output if it cannot be written now: at exit, that failure would replace our exit code."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
