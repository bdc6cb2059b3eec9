"""Count un-English idioms per 1,000 words of comments, docstrings and Markdown, folder by folder: `make words`.

Seven families are counted, each by one pattern. Code is not prose: fenced blocks, code spans and the targets of links
in Markdown are left out. `idiom_ceilings.json` holds the highest rate that each folder may have. `--lower` brings
these ceilings down to the current rates, but not below 2, since native prose has 1 or 2; no option raises them. For
comparison, the same count finds 0.6 in Prefect, 1.0 in pydantic, 1.3 in Optuna and 2.4 in gpytorch.
"""

import argparse
import ast
import io
import json
import re
import sys
import tokenize
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
CEILINGS = Path(__file__).with_name("idiom_ceilings.json")
# Each pattern follows an example: the idiom on the left, and the words of a native engineer on the right.
FAMILIES = {
    # `What is left waits` -> `The rest waits`
    "headless what and who": r"(?:^|[.;:,(]\s+|\b(?:and|but|of|than)\s+)(?:what|who|whoever|whatever)\s(?![^.\n]*\?)",
    # `where there is none` -> `if there is none`
    "where for if": r"(?:^|[.;:,(]\s+)where\s|(?<!place )(?<!folder )(?<!machine )(?<!from )(?<!to )(?<!of )"
    r"\bwhere (?:a|an|all|any|both|it|no|none|nothing|one|that|the|there|these|they|this)\b",
    # `the ledger tells` -> `the ledger shows`
    "tell and say": r"\b(?:tell|tells|told|telling|say|says|said|saying)\b",
    # `somebody else` -> `another user`
    "nobody and somebody": r"\b(?:nobody|somebody)\b",
    # `goes on` -> `continues`
    "beside and anew": r"\b(?:beside|meanwhile|anew|mend|mends|mended|go(?:es)? on|went on)\b",
    # `the server is away` -> `the server is unavailable`; `taken for dead` -> `considered dead`
    "none and away": r"\b(?:is|are|was|were|be|been) (?:none|away)\b|\b(?:takes?|taken|took)(?: it| them)? for\b",
    # `for want of memory` -> `because memory ran out`
    "archaic links": r"\b(?:whence|in case that|for want of|and the like|lest|thereby|therewith|wherever|upon)\b",
}
_PATTERNS = {name: re.compile(pattern, re.IGNORECASE | re.MULTILINE) for name, pattern in FAMILIES.items()}
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_NO_PROSE = (
    (re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL), " "),
    (re.compile(r"<!--.*?-->", re.DOTALL), " "),
    (re.compile(r"``?[^`]*``?"), "X"),
    (re.compile(r"\]\([^)]*\)"), "]"),
)
_GOAL = 2
_FOLDERS = (
    *("campaign", "bo_core", "evaluators", "storage", "report", "flows", "overnight"),
    *("tests", "infra", "examples", "benchmarks", "docs", "docs/decisions"),
)


@dataclass(frozen=True)
class Rate:
    """The words and idioms of one folder."""

    words: int
    found: Counter[str]

    @property
    def per_thousand(self) -> float:
        """Return the number of idioms per 1,000 words."""
        return 1000 * self.found.total() / max(self.words, 1)


def counted(texts: Iterator[str]) -> Rate:
    """Return the number of words and of idioms in these texts."""
    words, found = 0, Counter[str]()
    for text in texts:
        words += len(_WORD.findall(text))
        found.update({name: len(pattern.findall(text)) for name, pattern in _PATTERNS.items()})
    return Rate(words, found)


def prose_of_python(source: str) -> Iterator[str]:
    """Yield each docstring and each block of comments."""
    nodes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in _statements(ast.parse(source)):
        if isinstance(node, nodes) and (text := ast.get_docstring(node)):
            yield without_code(text)
    # Most of the time would be spent on files without comments.
    tokens = tokenize.generate_tokens(io.StringIO(source).readline) if "#" in source else ()
    yield from _joined([token for token in tokens if token.type == tokenize.COMMENT])


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield a module and its statements, without their expressions, which hold no docstrings."""
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        yield (node := waiting.popleft())
        inner = ast.iter_child_nodes(node)
        waiting.extend(each for each in inner if isinstance(each, (ast.stmt, ast.excepthandler, ast.match_case)))


def without_code(text: str) -> str:
    """Return Markdown, or a docstring, without its code."""
    for pattern, replacement in _NO_PROSE:
        text = pattern.sub(replacement, text)
    return text


def _joined(comments: list[tokenize.TokenInfo]) -> Iterator[str]:
    block, last = "", -1
    for token in comments:
        if token.start[0] != last + 1 and block:
            yield without_code(block)
            block = ""
        block += " " + token.string.lstrip("#! ")
        last = token.start[0]
    yield without_code(block)


def rates() -> dict[str, Rate]:
    """Return the rate of each folder; decisions count separately, and the root counts only its two pages."""
    found = {folder: counted(_prose(folder)) for folder in _FOLDERS}
    pages = (REPOSITORY / name for name in ("README.md", "ARCHITECTURE.md"))
    return found | {".": counted(without_code(page.read_text()) for page in pages)}


def _prose(folder: str) -> Iterator[str]:
    for path in sorted((REPOSITORY / folder).rglob("*")):
        inner = path.relative_to(REPOSITORY)
        # `overnight/` holds links to the other folders, and decisions are counted separately.
        if any(part.is_symlink() for part in (path, *path.parents)) or (
            folder == "docs" and "decisions" in inner.parts
        ):
            continue
        if path.suffix == ".py":
            yield from prose_of_python(path.read_text())
        elif path.suffix == ".md" and "results" not in inner.parts:
            yield without_code(path.read_text())


def too_high(found: Mapping[str, Rate], ceilings: Mapping[str, float]) -> list[str]:
    """Return a sentence for each folder that is above its ceiling."""
    return [
        f"{folder}: {rate.per_thousand:.1f} idioms per 1,000 words, above its ceiling of {ceilings[folder]}"
        for folder, rate in found.items()
        if rate.per_thousand > ceilings[folder]
    ]


def main() -> None:
    """Print the rates; exit with 1 if a folder is above its ceiling."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lower", action="store_true", help="bring the ceilings down to today's rates")
    lower = parser.parse_args().lower
    found, ceilings = rates(), json.loads(CEILINGS.read_text())
    for folder, rate in found.items():
        families = ", ".join(f"{name} {count}" for name, count in rate.found.most_common() if count)
        sys.stdout.write(
            f"{folder:15} {rate.per_thousand:5.1f} of {ceilings[folder]:5} ({rate.words} words: {families})\n"
        )
    if lower:
        lowest = {name: min(ceilings[name], max(ceil(rate.per_thousand), _GOAL)) for name, rate in found.items()}
        CEILINGS.write_text(json.dumps(lowest, indent=2) + "\n")
    problems = too_high(found, ceilings)
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
