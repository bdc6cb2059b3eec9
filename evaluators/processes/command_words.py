"""Find words of a command that only a shell would understand, and placeholders, which are never filled in."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath

_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish"}
_OPERATORS = {"|", "||", "|&", "&&", "&", ";"}
_REDIRECTION = re.compile(r"[0-9&]?(>>?|<{1,3})(&[0-9-])?|[0-9&]?>>?[^=>&].*|<[\w./~-]+")
_EXPANSION = re.compile(r"(--?[\w-]+=)?(\$\{?[A-Za-z_]\w*\}?([/.:,].*)?|\$\(.*|`.*)")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*")
_PLACEHOLDER = re.compile(r"(--?[\w.-]+=)?\{\{?\s*[A-Za-z_]\w*\s*\}?\}")
_REQUEST = ("trial", "attempt", "key", "seed")


def word_problems(command: Sequence[str], parameters: Iterable[str]) -> list[str]:
    """Return a sentence for the first word that only a shell would understand, and for the first placeholder."""
    shell = PurePath(command[0]).name in _SHELLS and "-c" in command
    problems = [] if shell else _shell_problems(command)
    placeholder = next((found for word in command[1:] if (found := _placeholder(word, (*parameters, *_REQUEST)))), None)
    if placeholder is not None:
        problems = [
            f"`evaluator.command`: expected words that are passed on as they are, found the placeholder "
            f"`{placeholder}`. Overnight puts no values into a command: the program reads them from the JSON file that "
            "its environment variable EVAL_REQUEST names (docs/how-to/command-evaluator.md)"
        ]
    return problems


def _shell_problems(command: Sequence[str]) -> list[str]:
    if _ASSIGNMENT.fullmatch(command[0]):
        return [
            f"`evaluator.command`: expected a program, found `{command[0]}`. No shell runs the command: set a variable "
            "in `evaluator.environment`"
        ]
    words = [word for word in command[1:] if word in _OPERATORS or _REDIRECTION.fullmatch(word)]
    words += [word for word in command if _EXPANSION.fullmatch(word)]
    if any(operator in command[0].split() for operator in _OPERATORS) or command[0].endswith(";"):
        words.insert(0, command[0])
    if not words:
        return []
    return [
        f"`evaluator.command`: expected a program and its arguments, found `{words[0]}`, which only a shell "
        'understands. No shell runs the command: put the line into a script, or write `command: [sh, -c, "…"]`. If it '
        "is meant as an argument, join it with its option, as in `-d'|'`"
    ]


def _placeholder(word: str, names: Iterable[str]) -> str | None:
    """Return the part of a word that looks like a placeholder for a value."""
    if not re.search(r"\s", word):
        found = _PLACEHOLDER.fullmatch(word)
        return word if found else next(filter(None, (_named(word, name) for name in names)), None)
    # A script of several words may have braces of its own, so only a whole word counts.
    loose = (re.search(rf"(?:^|[\s=])(\{{{re.escape(name)}\}})(?=\s|$)", word) for name in names)
    return next((found[1] for found in loose if found), None)


def _named(word: str, name: str) -> str | None:
    forms = (f"{{{name}}}", f"%({name})s", f"${{{name}}}", f"@{name}@", f"<{name}>")
    return next((form for form in forms if form in word), None)
