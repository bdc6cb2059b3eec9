"""Names of parameters and metrics as MLflow accepts them."""

import posixpath
import re
from collections.abc import Hashable, Iterable, Set
from typing import TypeVar

from overnight.campaign.values.harmless import harmless

_FORBIDDEN = re.compile(r"[^\w.\- /]")
_LONGEST = 250
_Key = TypeVar("_Key", bound=Hashable)


def accepted_names(wanted: Iterable[tuple[_Key, str]]) -> dict[_Key, str]:
    """Return the name under which each key is written, as close to the wanted one as possible, and never shared.

    MLflow accepts letters, digits, underscores, dashes, dots, spaces and slashes. A server that keeps files cannot have
    both `a` and `a/b`, so no name is a folder of another one. A name depends only on those before it, so a new metric
    at the end changes no other name.
    """
    accepted: dict[_Key, str] = {}
    taken, folders = set[str](), set[str]()
    for key, name in wanted:
        if key not in accepted:
            accepted[key] = _free(_accepted(name), taken, folders)
            taken.add(accepted[key])
            folders |= _folders_of(accepted[key])
    return accepted


def _accepted(name: str) -> str:
    text = _FORBIDDEN.sub("_", harmless(name)).strip()[:_LONGEST] or "_"
    # Some servers keep each metric in a file of its name.
    return text if _is_plain_path(text) else text.replace("/", "_").replace("..", "__").lstrip(".") or "_"


def _is_plain_path(text: str) -> bool:
    return posixpath.normpath(text) == text and text != "." and not text.startswith(("/", ".."))


def _folders_of(name: str) -> set[str]:
    return {name[:place] for place, character in enumerate(name) if character == "/"}


def _free(name: str, taken: Set[str], folders: Set[str]) -> str:
    """Return the name, without slashes if a folder of it is taken, and with a number at its end if it is itself."""
    if _folders_of(name) & taken:
        name = name.replace("/", "_")
    number, found = 1, name
    while found in taken or found in folders:
        number += 1
        ending = f"_{number}"
        found = f"{name[: _LONGEST - len(ending)]}{ending}"
    return found
