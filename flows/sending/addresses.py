"""The addresses to which a report is sent: variables of the environment hold them, because they have passwords."""

import importlib
import os
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from overnight.flows.sending.heard import hearing_apprise

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


def _is_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        # The value is not repeated: it may be an address, with its password.
        raise ValueError(
            "expected the name of a variable, such as REPORT_MAIL, got something else. An address holds a password, "
            "and the campaign file is recorded, so set a variable to it and write the variable's name here"
        )
    return name


VariableName = Annotated[str, AfterValidator(_is_name)]


def _is_list(given: Any) -> Any:
    if isinstance(given, list | tuple):
        return given
    # It is not repeated either.
    raise ValueError("expected a list of names of variables, such as [REPORT_MAIL], got something else")


VariableNames = Annotated[
    tuple[VariableName, ...], BeforeValidator(_is_list, json_schema_input_type=tuple[VariableName, ...])
]


def addresses_of(names: Iterable[str]) -> Mapping[str, str]:
    """Return the addresses by the names of their variables, without those that are not set."""
    return {name: os.environ[name].strip() for name in names if os.environ.get(name, "").strip()}


def address_problems(names: Iterable[str]) -> list[str]:
    """Return a sentence for each variable that is not set, or whose address Apprise does not know."""
    names = tuple(names)
    found, problems = addresses_of(names), list[str]()
    for name in names:
        if name not in found:
            problems.append(f"`send_report_to`: expected the variable `{name}` to be set to an address, found it unset")
        elif not is_known(found[name]):
            problems.append(
                f"`send_report_to`: expected the variable `{name}` to hold an address that Apprise knows, such as "
                "mailtos://user:password@example.com?to=ada@example.com, found one that it does not know"
            )
    return problems


def is_known(address: str) -> bool:
    """Return whether Apprise knows the kind of address."""
    # Imported late, because most campaigns send nothing and it takes a while.
    with hearing_apprise():
        return importlib.import_module("apprise").Apprise().add(address)
