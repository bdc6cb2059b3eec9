"""Regular expressions for the ways in which programs write a text: plain, escaped, percent-encoded, in Base64."""

import re
from base64 import b64encode
from collections.abc import Iterator

# Characters that are never escaped. A pattern that begins with one is found fast.
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]")
_LETTERS = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}
_BACKSLASH = r"(?:\\|%(?:25){0,2}5[Cc])"
# Up to three nested escapes. Without this bound, a long row of backslashes would take forever.
_MAYBE_ESCAPED, _ESCAPED = _BACKSLASH + "{0,7}+", _BACKSLASH + "{1,7}+"
# The backslash before an escape may also be the last of a row in the text itself.
_IS_ESCAPED = r"(?:(?<=\\)|(?<=%5[Cc])|(?<=%255[Cc])|(?<=%25255[Cc]))"


def spellings(text: str) -> str:
    """Return a pattern of the text, plain or written by `repr`, JSON and percent-encoding, nested up to three times."""
    return "".join(_spelled(part) for part in re.findall(r"\\+|.", text, re.DOTALL))


def base64_spellings(text: str) -> Iterator[str]:
    """Return patterns of the text inside Base64, without the characters that it shares with its neighbours."""
    data = text.encode(errors="surrogateescape")
    for before in range(3):
        written = b64encode(bytes(before) + data).decode()
        own = written[-(-8 * before // 6) : 8 * (before + len(data)) // 6]
        yield from {spellings(own), spellings(own.replace("+", "-").replace("/", "_"))}


def _spelled(part: str) -> str:
    """Return the pattern of a character, or of a row of backslashes; an escape changes only how many there are."""
    if _PLAIN.fullmatch(part):
        return re.escape(part)
    if part[0] == "\\":
        return rf"{_BACKSLASH}{{{len(part)},{8 * len(part)}}}+"
    code, data, utf16 = ord(part), part.encode(errors="surrogateescape"), part.encode("utf-16-be", "surrogatepass")
    escapes = [
        _ESCAPED.join(f"u{utf16[at : at + 2].hex()}" for at in range(0, len(utf16), 2)),
        _ESCAPED.join(f"x{byte:02x}" for byte in data),
        f"U{code:08x}",
        *([f"x{code:02x}"] if code < 256 else []),
        *([_LETTERS[part]] if part in _LETTERS else []),
    ]
    plain = [
        "(?i:" + "".join(rf"%(?:25){{0,2}}{byte:02x}" for byte in data) + ")",
        *([r"\+"] if part == " " else []),
        # Bytes of the environment that are not text become a replacement character when they are decoded again.
        rf"[{part}\ufffd?]" if "\ud800" <= part <= "\udfff" else re.escape(part),
    ]
    return f"{_MAYBE_ESCAPED}(?:{'|'.join(plain)}|{_IS_ESCAPED}(?i:{'|'.join(escapes)}))"
