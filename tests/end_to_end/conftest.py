"""A user's own Prefect server, shared by the end-to-end tests."""

from own_prefect import server

__all__ = ["server"]
