"""The keys of a campaign file, to be shown below its problems if a key is unknown and close to none of them."""

import textwrap
from collections.abc import Iterable, Sequence

from overnight.campaign.problems import Problem, unlisted_key

_WIDTH = 100


def hint_about(problems: Iterable[Problem], keys: Sequence[str]) -> str:
    """Return a text with all keys in short lines if a problem asks for one of them; an empty text otherwise."""
    if not any(len(problem.where) == 1 and problem.text == unlisted_key(str(problem.where[0])) for problem in problems):
        return ""
    listed = textwrap.fill(", ".join(keys), _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)
    return f"The keys of a campaign file are:\n{listed}"
