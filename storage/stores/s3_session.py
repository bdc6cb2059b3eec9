"""The session in which a bucket is asked: credentials from the environment, and little work for each answer."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache

from aiobotocore.session import AioSession
from botocore.loaders import Loader, create_loader
from botocore.utils import parse_timestamp


def new_session() -> AioSession:
    """Return a session with its own credentials, from the current environment."""
    session = AioSession()
    session.register_component("data_loader", _descriptions(session.get_config_variable("data_path")))
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=moment_of)
    return session


def moment_of(value: str | float) -> datetime:
    """Return the time in an answer, as botocore's own parser does.

    That one tries every known format, which takes most of the time of a long listing: each of its objects has a time.
    """
    if isinstance(value, str) and value.endswith("Z"):
        return datetime.fromisoformat(value)
    if isinstance(value, str) and value.endswith("GMT"):
        return parsedate_to_datetime(value)
    return parse_timestamp(value)


@cache
def _descriptions(path: str | None) -> Loader:
    """Return the descriptions of the S3 service; each process parses them once, which takes a fifth of a second."""
    return create_loader(path)
