"""The `mirror` key of a campaign file: the experiment tracker that shows a campaign as well."""

from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_EXAMPLE = "expected the address of an MLflow tracking server, such as `http://127.0.0.1:5000`"


def tracking_server(address: str) -> str:
    """Return the address of a tracking server; raises ValueError if it is another one, or holds a password."""
    try:
        parts = urlsplit(address)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(f"{_EXAMPLE}, got text that is not a URL") from None
    if any(character.isspace() for character in address):
        raise ValueError(f"{_EXAMPLE}, got one with a space or a line break in it")
    if parts.username is not None or parts.password is not None:
        # The address is not repeated: the message may be logged.
        raise ValueError(
            f"{_EXAMPLE}, got one with a user or a password. The campaign file is recorded and shown, so set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment instead"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        stored = parts.scheme in ("file", "sqlite", "postgresql", "mysql")
        # An address without a scheme may hold a password, too.
        got = "another address" if "@" in address else repr(address)
        hint = f". To use that store, start a server for it: `mlflow server --backend-store-uri {address}`"
        raise ValueError(f"{_EXAMPLE}, got {got}{hint if stored else ''}")
    if parts.query or parts.fragment:
        raise ValueError(f"{_EXAMPLE}, without `?` and `#`")
    return address.rstrip("/")


TrackingServer = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(tracking_server)]


def _is_no_text(given: Any) -> Any:
    if isinstance(given, str):
        # It is not repeated: it may be an address with a password.
        raise ValueError('expected a mapping such as {mlflow: "http://127.0.0.1:5000"}, got text')
    return given


class MirrorSettings(BaseModel):
    """The tracking server of `mlflow`, and the `experiment` there, which is named after the campaign by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mlflow: TrackingServer
    experiment: Annotated[str, Field(min_length=1, max_length=500)] | None = None


MirrorOfFile = Annotated[MirrorSettings, BeforeValidator(_is_no_text, json_schema_input_type=MirrorSettings)]
