import json
from collections import Counter

import pytest
from idioms import CEILINGS, FAMILIES, Rate, counted, prose_of_python, rates, too_high, without_code

FOREIGN = {
    "headless what and who": "The rest is known. What is left waits; whoever asks gets it.",
    "where for if": "Where a name is missing, it is added. It ends where there is an error.",
    "tell and say": "The ledger tells the time, as the page says.",
    "nobody and somebody": "Somebody else may write; nobody reads.",
    "beside and anew": "A file lies beside it. It is read anew and the campaign goes on.",
    "none and away": "The server is away. It is taken for dead, and there it is none.",
    "archaic links": "It stops for want of memory, whence the error.",
}
NATIVE = (
    "The rest waits, and each caller receives it. If a name is missing, it is added. The ledger shows the time. "
    "What does it cost? Look in the folder where the files are. The server is unavailable, so it is considered dead."
)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_found(family):
    assert counted(iter([FOREIGN[family]])).found[family] >= 2


def test_plain_english_has_none():
    assert counted(iter([NATIVE])).found.total() == 0


def test_comments_and_docstrings_are_prose_and_code_is_not():
    source = '"""Say it."""\n\n# Tell\n# it.\nx = "nobody"\n\n\ndef said():\n    """Call `said` here."""\n'
    assert [text.split() for text in prose_of_python(source)] == [
        ["Say", "it."],
        ["Call", "X", "here."],
        ["Tell", "it."],
    ]


def test_code_and_addresses_in_markdown_are_no_prose():
    text = "Call `say` with [it](tell.md).\n\n```sh\nsay nobody\n```\n<!-- somebody -->\n"
    assert without_code(text).split() == ["Call", "X", "with", "[it]."]


def test_a_folder_above_its_ceiling_is_named():
    found = {"docs": Rate(1000, Counter(say=3)), "flows": Rate(1000, Counter(say=2))}
    [problem] = too_high(found, {"docs": 2, "flows": 2})
    assert problem.startswith("docs: 3.0 idioms")


@pytest.mark.slow
def test_no_folder_has_more_idioms_than_its_ceiling():
    assert too_high(rates(), json.loads(CEILINGS.read_text())) == []
