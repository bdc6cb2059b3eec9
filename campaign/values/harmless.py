r"""Make foreign text safe to show: it cannot steer a terminal, hide characters or reverse the text that follows.

Evaluators, proposers and files may produce text with escape sequences. Invisible characters are replaced by Python's
escapes, such as `\x1b` for an escape character. Line feeds and tabs stay.
"""

import re

_DANGEROUS = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, without tab and line feed
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction
    "\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb"  # invisible
    "\u2028\u2029"  # line ends that only some programs recognise
    "\ud800-\udfff"  # lone surrogates, which cannot be sent to a terminal
    "\U000e0000-\U000e007f"  # tags, which repeat ASCII invisibly
    "]"
)
_TRACEBACK = "Traceback (most recent call last):"


def harmless(text: str) -> str:
    """Return the text with steering, hiding and reversing characters escaped, and with plain line feeds."""
    return _DANGEROUS.sub(_visible, text.replace("\r\n", "\n"))


def harmless_json(text: str) -> str:
    """Return JSON text with the same meaning, in which such characters are JSON escapes."""
    return _DANGEROUS.sub(_as_json, text)


def first_line(text: str) -> str:
    """Return the first line that is not blank, made harmless; of a traceback, the line with the exception."""
    lines = [line.rstrip() for line in harmless(text).split("\n") if line.strip()]
    if lines and lines[0] == _TRACEBACK:
        lines = [line for line in lines[1:] if not line[0].isspace()] or lines
    return lines[0].strip() if lines else ""


def _visible(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


def _as_json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", errors="surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))
