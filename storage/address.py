"""Accept only ledger addresses that every store keeps unchanged."""

import re
import unicodedata
from pathlib import Path
from urllib.parse import unquote, urlsplit

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_ONE_SLASH = re.compile(r"(?i)(s3|file):(?!//)")
_S3 = re.compile(r"(?i:s3)://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]+)(/(?P<prefix>[^?#@]*))?", re.DOTALL)


def scheme_of(url: str) -> str | None:
    """Return the scheme in lower case; None if the address is a path."""
    scheme = _SCHEME.match(url)
    return None if scheme is None else scheme[1].lower()


def address_problem(url: str) -> str | None:
    """Return the problem of an address that leads neither to a directory nor to a bucket; None if it leads to one.

    The address of a bucket is not repeated, because people write secrets into it.
    """
    match scheme_of(url):
        case "s3":
            return _bucket_problem(url)
        case "file":
            return _file_problem(url)
        case None if one := _ONE_SLASH.match(url):
            return (
                f"expected `{one[1].lower()}://` with two slashes, or a directory, got an address that begins with "
                f"`{one[0]}`"
            )
        case None:
            return _path_problem(url)
        case other:
            return (
                "expected a directory, such as `./ledger`, `file:///…` or `s3://bucket/prefix`, got the scheme "
                f"`{other}`"
            )


def bucket_and_prefix(url: str) -> tuple[str, str]:
    """Return the bucket and the prefix of a valid address; the prefix is empty or ends in `/`."""
    found = _S3.fullmatch(url)
    assert found is not None
    prefix = (found["prefix"] or "").removesuffix("/")
    return found["bucket"], f"{prefix}/" if prefix else ""


def directory(url: str, folder: Path) -> Path:
    """Return the directory of a valid address; a relative one starts at `folder`."""
    if scheme_of(url) == "file":
        return Path(unquote(urlsplit(url).path))
    return (folder / Path(url).expanduser()).resolve()


def _bucket_problem(url: str) -> str | None:
    found = _S3.fullmatch(url)
    parts = [] if found is None else (found["prefix"] or "").removesuffix("/").split("/")
    if found is None or {".", ".."} & set(parts):
        return (
            "expected `s3://bucket` or `s3://bucket/prefix` without `@`, `?`, `#` and `..`. Credentials and endpoint "
            "are taken from the environment or the AWS profile (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, "
            "AWS_ENDPOINT_URL, AWS_PROFILE)"
        )
    kept = "which some stores change, so that nothing would be found again"
    if len(parts) > 1 and "" in parts:
        return f"expected one `/` between the parts of a prefix, got `//`, {kept}"
    if "\\" in url:
        return f"expected `/` between the parts of a prefix, got a backslash, {kept}"
    if unicodedata.normalize("NFC", url) != url:
        return f"expected letters with their accents as one character (Unicode NFC), got separate characters, {kept}"
    return _control_problem(url)


def _file_problem(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        return (
            f"expected an absolute path after `file://`, such as `file:///srv/ledger`, got `{parts.netloc}{parts.path}`"
        )
    if "?" in url or "#" in url:
        return (
            "expected `%3F` and `%23` for `?` and `#` in the path of a `file://` address, got one that is not escaped"
        )
    return _path_problem(unquote(url))


def _path_problem(path: str) -> str | None:
    """Return the problem of a path; a file system keeps every name unchanged, except one with NUL."""
    return "expected a path, got one with the character NUL, which no file system knows" if "\0" in path else None


def _control_problem(url: str) -> str | None:
    odd = next((letter for letter in url if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")), None)
    if odd is None:
        return None
    return f"expected an address without control characters and line breaks, got one with {odd!a}"
