"""The only way to print on the terminal: foreign text is shown literally and cannot steer it."""

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook, RenderResult
from rich.segment import Segment

from campaign.harmless import harmless


class Harmless:
    """Something to print, without any control character but those of our own layout and colours."""

    def __init__(self, renderable: RenderableType) -> None:
        self._renderable = renderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the same segments with harmless texts."""
        for segment in console.render(self._renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


class _AllHarmless(RenderHook):
    def process_renderables(self, renderables: Iterable[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [Harmless(renderable) for renderable in renderables]


def terminal(*, stderr: bool = False) -> Console:
    """Return a console that takes texts literally: no markup, no emoji codes, no foreign control characters."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    console.push_render_hook(_AllHarmless())
    return console
