"""The report on a change in markdown: the verdict, each block, each cell and the worst cells."""

from benchmarks.quality.gate.gate import Gate
from benchmarks.quality.gate.verdict import Block, Verdict, verdict
from benchmarks.quality.tables import markdown, with_interval

_MEANS: dict[Verdict, str] = {
    "lands": "lands",
    "neutral": "neutral: it may land if it makes things simpler",
    "refused": "refused",
}


def report(gate: Gate) -> str:
    """Return the text about a change. The results of a fresh block are shown once it is complete."""
    development = gate.development()
    given = [(block, gate.fresh(block)) for block in gate.blocks.of(gate.name)]
    lines = [_line("Development block", development)]
    for block, found in given:
        again = f", opened again because: {block.why}" if block.why else ""
        lines.append(_line(f"Fresh block (opened {block.opened}{again})", found, shown=block.looked is not None))
    columns = [development, *(found for block, found in given if block.looked is not None)]
    parts = [f"# Gate of `{gate.name}`", "\n".join(lines), f"**Verdict: {_verdict(gate, development)}**"]
    parts += [
        "Differences in units of Sobol's median regret [90 %], number of seeds; below 0 is better.",
        _table(columns),
    ]
    return "\n\n".join(parts)


def _verdict(gate: Gate, development: Block) -> str:
    block = next(reversed(gate.blocks.of(gate.name)), None)
    fresh = None if block is None else gate.fresh(block)
    if development.missing:
        return f"none, {development.missing} pairs of the development block are missing"
    if block is not None and not gate.confirms(block):
        return "none, the development block and the last fresh block differ in code or settings"
    if (found := verdict(development.standing, None if fresh is None else fresh.standing)) is not None:
        return _MEANS[found]
    missing = "none is open" if fresh is None else f"{fresh.missing} of its pairs are missing"
    return f"none before a fresh block is complete; {missing} (`--confirm`)"


def _line(title: str, block: Block, *, shown: bool = True) -> str:
    """Return a line about a block."""
    parts = [f"{block.missing} pairs missing" if block.missing else f"complete, {block.standing}"]
    if shown and block.pooled is not None:
        parts.append(
            f"pooled {with_interval(block.pooled)} over {len(block.cells)} cells and {block.pooled.count} pairs"
        )
    if shown and block.worst:
        parts.append(f"worst in {', '.join(block.worst)}")
    if block.commits:
        parts.append(f"by {' and '.join(block.commits)}")
    return f"- {title}, seeds {block.seeds[0]}–{block.seeds[-1]}: {'; '.join(parts)}"


def _table(blocks: list[Block]) -> str:
    names = list(dict.fromkeys(name for block in blocks for name in block.cells))
    head = ["cell", *(f"seeds {block.seeds[0]}–{block.seeds[-1]}" for block in blocks)]
    return markdown(head, [[name, *(_cell(block, name) for block in blocks)] for name in names])


def _cell(block: Block, name: str) -> str:
    found = block.cells.get(name)
    return "–" if found is None else f"{with_interval(found)}, {found.count}"
