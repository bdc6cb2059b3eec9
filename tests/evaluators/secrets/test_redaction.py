"""Secret values are recognised in every form in which a program may write them, and nothing else is."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from overnight.evaluators.results.written_result import written_result
from overnight.evaluators.secrets.environment import SWITCHES, Redaction

WRITERS: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "repr": repr,
    "repr in other quotes": lambda text: repr("\"'" + text),
    "ascii": ascii,
    "repr of bytes": lambda text: repr(text.encode()),
    "JSON": json.dumps,
    "JSON in Unicode": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON with escaped slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"body": text})),
    "repr of JSON": lambda text: repr(json.dumps([text])),
    "repr of repr of JSON": lambda text: repr(repr(json.dumps([text]))),
    "repr of JSON in bytes": lambda text: repr(json.dumps(text, ensure_ascii=False).encode()),
    "address": quote,
    "address without slashes": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "lower-case address": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "address in an address": lambda text: quote(quote(text)),
    "JSON in an address": lambda text: quote(json.dumps(text)),
    "address in JSON": lambda text: json.dumps("https://host/?key=" + quote(text)),
}
ENCODERS = (b64encode, urlsafe_b64encode)


def switches_something(value: str) -> bool:
    """Return whether any line of the value is a word or a small number that may occur in any text."""
    return any(line.strip().lower() in SWITCHES or len(line.strip()) < 4 for line in value.splitlines())


AWKWARD = st.text(
    st.one_of(
        st.sampled_from("'\"\\/%+&=?#$ \n\r\tnux0259aé€😀\x1b\x85\u2028"),
        # K is written on both sides of the secret.
        st.characters(exclude_categories=["Cs"], exclude_characters="\0K"),
    ),
    min_size=4,
    max_size=12,
).filter(lambda value: value.strip() and not switches_something(value))


def without_escapes(text: str) -> str:
    return re.sub(r"[\\'\"]", "", text)


@pytest.mark.slow
@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@given(secret=AWKWARD)
@example(secret="p\"a'ss\\word")
@example(secret="\\\\n\\\n\"'")
@example(secret="ends with \\")
@example(secret="%25 50% +/?&")
@example(secret="naïve 😀 \u2028\x85\x1b[0m")
def test_a_secret_is_hidden_in_whatever_a_program_writes(write: Callable[[str], str], secret: str):
    found = Redaction({"T": secret}).text(write(f"K{secret}K"))
    assert without_escapes(found.replace("[T]", "")) == without_escapes(write("KK"))


@given(
    secret=st.text(min_size=6).filter(lambda value: value.strip() and not switches_something(value)),
    user=st.text(max_size=5),
    encode=st.sampled_from(ENCODERS),
)
def test_a_secret_is_hidden_in_base64_wherever_it_begins_there(secret: str, user: str, encode: Callable[..., bytes]):
    header = encode(f"{user}:{secret}".encode()).decode()
    found = Redaction({"T": secret}).text(f"Authorization: Basic {header}")
    # Characters next to the secret that also hold bits of its neighbours remain.
    room = 4 * len(user.encode()) / 3 + 7
    assert "[T]" in found
    assert len(found.replace("[T]", "")) <= len("Authorization: Basic ") + room


@pytest.mark.parametrize(
    ("secret", "text", "shown"),
    [
        ("1", "1 of 10 with x1", "1 of 10 with x1"),
        ("0.5", "loss 0.5", "loss 0.5"),
        ("True", "it is true that", "it is true that"),
        ("info", "information (info)", "information (info)"),
        ("1234", "pin 1234", "pin [T]"),
        ("a1", "a1 a12", "[T] a12"),
        ("abc", "abcd abc", "abcd [T]"),
        ("", "nothing", "nothing"),
        (" ", "a b  c", "a b  c"),
        ("\n    \n", "a\n    \nb", "a\n    \nb"),
        (".", "the end . ", "the end . "),
        ("{", '{"a": {}}', '{"a": {}}'),
        ("$$$$", "it costs $$$$.", "it costs [T]."),
    ],
)
def test_a_text_stays_readable_where_a_value_is_short_or_says_nothing(secret: str, text: str, shown: str):
    assert Redaction({"T": secret}).text(text) == shown


def test_each_line_of_a_value_is_hidden_however_it_is_indented_and_its_braces_are_not():
    secret = '{\n  "key": "swordfish",\n  "id": "4711"\n}\n'
    redaction = Redaction({"T": secret})
    assert redaction.text('{\r\n\t"key": "swordfish",\r\n}') == "{\r\n\t[T]\r\n}"
    assert redaction.text(f"login {secret!r}") == "login '[T]'"
    assert redaction.text('{"a": {}}') == '{"a": {}}'


def test_of_two_values_the_longer_one_is_looked_for_first():
    assert Redaction({"SHORT": "abc", "LONG": "abc-defgh"}).text("abc-defgh, abc") == "[LONG], [SHORT]"


def test_a_value_that_is_no_text_is_hidden_as_it_is_read_again():
    secret = b"pass\xffword".decode(errors="surrogateescape")
    read_again = b"login pass\xffword".decode(errors="replace")
    assert Redaction({"T": secret}).text(read_again) == "login [T]"
    assert Redaction({"T": secret}).text("login pass?word") == "login [T]"


def test_long_rows_of_what_escapes_are_made_of_come_to_an_end():
    redaction = Redaction({"T": "\\\n\\\"\\'\\\\\\n%% %25\\"})
    for row in ("\\", "%", "%25", "\\n", '\\"'):
        assert redaction.text(row * 100_000) == row * 100_000


def test_a_secret_that_is_written_as_a_number_is_recognised_but_no_measurement_is_one():
    redaction = Redaction({"ACCOUNT": "12345678"})
    found = {"loss": 12345678, "cost": 12345678, "metadata": {"account": [12345678, 123, True]}, "artifacts": []}
    written = written_result(found, ["loss"], "key", redaction)
    assert written.metrics == {"loss": 12345678}
    assert written.beside == {"cost": 12345678, "metadata": {"account": ["[ACCOUNT]", 123, True]}, "artifacts": []}
    failed = {"status": "failed", "message": 12345678}
    assert written_result(failed, ["loss"], "key", redaction).message == "[ACCOUNT]"
