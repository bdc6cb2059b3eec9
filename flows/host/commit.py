"""The commit of the user's project at the time of a proposal."""

import functools
import subprocess


@functools.cache
def running_commit() -> str | None:
    """Return the commit that was checked out in the working directory at the first call; None outside a repository."""
    try:
        done = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True)  # noqa: S607
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
