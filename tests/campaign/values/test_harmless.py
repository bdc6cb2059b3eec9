"""Foreign text made safe to show, tested with an oracle from Unicode's own tables instead of the product's pattern."""

import json
import sys
import traceback
import unicodedata

from overnight.campaign.values.harmless import first_line, harmless, harmless_json

# Characters of the category "format" that are visible, or that are needed to shape letters and emoji.
WANTED = {"\u00ad", "\u200c", "\u200d"}
EVERY = [chr(code) for code in range(sys.maxunicode + 1)]


def steers(character: str) -> bool:
    """Return whether, by Unicode's tables, a character controls a terminal or text direction or cannot be encoded."""
    control = unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") and character not in "\t\n"
    turns = unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "B")
    return control or (turns and character not in "\n")


def test_no_character_that_steers_a_terminal_is_left_and_letters_are():
    left = harmless("".join(EVERY).replace("\r\n", ""))
    assert not [c for c in left if steers(c)]
    letters = "".join(c for c in EVERY if unicodedata.category(c)[0] in "LMNPS" or c in WANTED or c in " \t\n")
    assert harmless(letters) == letters


def test_what_is_hidden_is_written_as_python_writes_it():
    assert harmless("\x1b[31mred\x1b[0m \x07 \x9b2J \u202eabc \x7f") == r"\x1b[31mred\x1b[0m \x07 \x9b2J \u202eabc \x7f"
    assert harmless("one\r\ntwo\tthree\rfour") == "one\ntwo\tthree\\rfour"
    assert harmless("\U000e0041\ud800") == r"\U000e0041\ud800"


def test_harmless_text_stays_what_it_is_when_it_is_made_harmless_again():
    once = harmless("".join(EVERY))
    assert harmless(once) == once


def test_json_means_the_same_and_prints_nothing_that_steers():
    whole = "".join(c for c in EVERY if unicodedata.category(c) != "Cs")
    data = {"message": whole, "größe \x9b": ["日本語", "\ud800"]}
    text = harmless_json(json.dumps(data, ensure_ascii=False))
    assert json.loads(text) == data
    assert not [c for c in text if steers(c)]


def test_the_first_line_is_the_first_that_says_something():
    assert first_line("\n  \n  ValueError: no \x1b[2J\nat line 3") == r"ValueError: no \x1b[2J"
    assert first_line("") == ""


def test_the_first_line_of_a_traceback_is_its_exception():
    try:
        raise MemoryError("no room")
    except MemoryError:
        text = traceback.format_exc()
    assert first_line(text) == "MemoryError: no room"
    assert first_line("Traceback (most recent call last):\n  File") == "Traceback (most recent call last):"
