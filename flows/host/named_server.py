"""The Prefect server that the user has configured, in the environment or in a Prefect file.

Prefect takes a second to import, so these places are read here, in Prefect's order: environment variable, `.env`,
`prefect.toml`, `pyproject.toml`, the active profile. Some commands only need to know whether a server is configured.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from overnight.campaign.errors import CannotStart

ENVIRONMENT = "the environment"
_VARIABLE = "PREFECT_API_URL"
_TEST_MODES = (
    "PREFECT_TEST_MODE",
    "PREFECT_UNIT_TEST_MODE",
    "PREFECT_TESTING_UNIT_TEST_MODE",
    "PREFECT_TESTING_TEST_MODE",
)


@dataclass(frozen=True)
class NamedServer:
    """The address of a server's API, and a description of the place that names it."""

    url: str
    source: str

    @property
    def address(self) -> str:
        """Return the address without any password in it."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()

    @property
    def setting(self) -> str:
        """Return the name of the setting, with its place."""
        return f"{_VARIABLE} of {self.source}"

    def __str__(self) -> str:
        return f"Prefect server: {self.address} ({self.setting})"


def named_server() -> NamedServer | None:
    """Return the server that Prefect's settings name, or None if they name none.

    The first place that has the setting decides, even if its value is empty. Raises CannotStart if the address is
    unusable, or if `prefect.toml` or `pyproject.toml` is not TOML, which would stop Prefect, too.
    """
    url, source = next(_found(), ("", ""))
    url = url.strip()
    if not url:
        return None
    if not _leads_somewhere(url):
        raise CannotStart(
            f"{_VARIABLE} of {source}: expected the address of a Prefect server's API, such as "
            f"http://127.0.0.1:4200/api, got {_without_password(url)!r}. Correct it, or remove it to use a private "
            "server. Nothing was started."
        )
    return NamedServer(url, source)


def _leads_somewhere(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and url.isprintable()
    except ValueError:
        return False


def _without_password(url: str) -> str:
    """Return an address without the part before its last `@`, even if it cannot be parsed."""
    return re.sub(r"(?<=//)[^/]*@", "", url)


def missing_server(key: str) -> list[str]:
    """Return a problem if the user has named no server: this key of the campaign file needs a permanent one."""
    if named_server() is not None:
        return []
    return [
        f"`{key}`: expected PREFECT_API_URL to name the Prefect server that workers ask for work, but it is not set in "
        "the environment or a Prefect profile; start a server with `prefect server start` and set PREFECT_API_URL to "
        "its address"
    ]


def _found() -> Iterator[tuple[str, str]]:
    if (value := _ignoring_case(os.environ)) is not None:
        yield value, ENVIRONMENT
    if (value := _ignoring_case(_dotenv())) is not None:
        yield value, str(Path(".env").resolve())
    for name, table in (("prefect.toml", ("api",)), ("pyproject.toml", ("tool", "prefect", "api"))):
        if isinstance(value := _table(_toml(Path(name)), *table).get("url"), str):
            yield value, str(Path(name).resolve())
    path = _profiles_path()
    name, profile = _active_profile(path)
    if isinstance(value := profile.get(_VARIABLE), str) and not any(map(os.environ.get, _TEST_MODES)):
        yield value, f"profile `{name}` in {path}"


def _ignoring_case(variables: Mapping[str, str | None]) -> str | None:
    return {name.upper(): value for name, value in variables.items()}.get(_VARIABLE)


def _dotenv() -> dict[str, str | None]:
    path = Path(".env")
    return dotenv_values(path) if path.is_file() else {}


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as problem:
        raise CannotStart(
            f"{path.resolve()}: Prefect reads its settings from this file, and it cannot be read as TOML: {problem}. "
            "Correct the file or move it. Nothing was started."
        ) from None


def _table(data: Any, *names: str) -> Mapping[str, Any]:
    for name in names:
        data = data.get(name) if isinstance(data, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def _profiles_path() -> Path:
    """Return the file of profiles that Prefect reads."""
    named = (
        os.environ.get("PREFECT_PROFILES_PATH")
        or _dotenv().get("PREFECT_PROFILES_PATH")
        or _toml(Path("prefect.toml")).get("profiles_path")
        or _table(_toml(Path("pyproject.toml")), "tool", "prefect").get("profiles_path")
    )
    if named:
        return Path(named)
    home = os.environ.get("PREFECT_HOME")
    return (Path(home) if home else Path.home() / ".prefect") / "profiles.toml"


def _active_profile(path: Path) -> tuple[str, Mapping[str, Any]]:
    """Return the active profile's name and settings, empty if unset: Prefect's default profile names no server."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "", {}
    name = os.environ.get("PREFECT_PROFILE") or str(data.get("active") or "")
    return name, _table(data, "profiles", name)
