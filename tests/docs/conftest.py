"""A user's own Prefect server, shared by the commands of the pages."""

from own_prefect import server

__all__ = ["server"]
