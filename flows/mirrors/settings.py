"""The `mirror` key of a campaign file: the experiment tracker that shows a campaign as well."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_EXAMPLE = "expected the address of an MLflow tracking server, such as `http://127.0.0.1:5000`"


def tracking_server(address: str) -> str:
    """Return the address of a tracking server; raises ValueError if it is another one, or holds a password."""
    try:
        parts = urlsplit(address)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise ValueError(f"{_EXAMPLE}, got one that is no URL") from None
    if parts.username is not None or parts.password is not None:
        # The address is not repeated: the message may be logged.
        raise ValueError(
            f"{_EXAMPLE}, got one with a user or a password. The campaign file is recorded and shown, so set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD in the environment instead"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        stored = parts.scheme in ("file", "sqlite", "postgresql", "mysql")
        hint = f". To use that store, start a server for it: `mlflow server --backend-store-uri {address}`"
        raise ValueError(f"{_EXAMPLE}, got {address!r}{hint if stored else ''}")
    if parts.query or parts.fragment:
        raise ValueError(f"{_EXAMPLE}, without `?` and `#`")
    return address.rstrip("/")


TrackingServer = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(tracking_server)]


class MirrorSettings(BaseModel):
    """The tracking server of `mlflow`, and the `experiment` there, which is named after the campaign by default."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mlflow: TrackingServer
    experiment: Annotated[str, Field(min_length=1, max_length=500)] | None = None
