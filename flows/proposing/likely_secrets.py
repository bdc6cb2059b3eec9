"""Find environment variables that are probably secrets, by name or by value."""

import re
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

# Matches anywhere in a name, in any case: `DBPASSWORD`, `apikey` and `MYSQL_PWD` as well as `HUB_TOKEN`.
_NAME = re.compile(
    r"SECRET|PASS(?!ED|IVE|THR)|(?<!^)(?<!^OLD)PWD|TOKEN(?!IZ)|CRED|AUTH(?!OR)|BEARER|COOKIE|PRIVATE|SIGNATURE|WEBHOOK"
    r"|DSN|CONN(ECTION)?_?STR|(^|_)SAS(_|$)|KEY(?![A-Z])|KEYS|KEYID",
    re.IGNORECASE,
)
# A long word with letters and digits is probably a key, and is hardly ever a word of a message.
_KEY = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/=_.~!@#$%^&*:-]{12,}")
_PATH = re.compile(r"[A-Za-z0-9_.~-]*/|\.|~")


def likely_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables whose values must not be recorded, and the passwords in addresses as separate entries."""
    found: dict[str, str] = {}
    for name, value in environment.items():
        password = _password_in(value)
        if password:
            found[f"{name}, password"] = password
        if password or _NAME.search(name) or (_KEY.fullmatch(value) and not _PATH.match(value)):
            found[name] = value
    return found


def _password_in(value: str) -> str | None:
    """Return the password in an address such as `postgres://user:password@host`, or None if it has no password."""
    try:
        password = urlsplit(value).password if "://" in value else None
    except ValueError:
        return None
    return unquote(password) if password else None
