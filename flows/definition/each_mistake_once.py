"""Report each mistake in a campaign's file once, although two readers find it or it causes another problem."""

import re
from collections.abc import Iterable, Sequence

from overnight.campaign.goal.objective import WAYS_TO_AIM
from overnight.campaign.problems import Problem, Where, meant_by

# How a problem ends if nothing was written under its path.
_MISSING = ("got nothing", "got none of them")


def each_once(contradicting: Iterable[Problem], invalid: Iterable[Problem]) -> list[Problem]:
    """Return the problems of both readers: the contradictions in what was written, and what the model refused.

    The model finds contradictions too, and may show a value that it has read in another way: 8.0 for 8. A key that is
    missing because it is misspelt is one problem, that of the unknown key.
    """
    found = list(dict.fromkeys(contradicting))
    known = {_without_value(problem) for problem in found}
    found += [problem for problem in dict.fromkeys(invalid) if _without_value(problem) not in known]
    return _without_consequences(found)


def _without_value(problem: Problem) -> tuple[Where, str]:
    return problem.where, re.split(r"[,;] got ", problem.text)[0]


def _without_consequences(problems: Sequence[Problem]) -> list[Problem]:
    """Leave out missing keys of which a misspelling was found."""
    meant = {(*problem.where[:-1], name) for problem in problems if (name := meant_by(problem.text)) is not None}
    if any((way,) in meant for way in WAYS_TO_AIM):
        meant |= {(way,) for way in WAYS_TO_AIM}
    return [each for each in problems if each.where not in meant or not each.text.endswith(_MISSING)]
