"""The origin of a measurement: the machine, the versions, the commit, the command and the time."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("torch", "numpy", "scipy", "gpytorch", "botorch")


@dataclass(frozen=True)
class Origin:
    """The facts that all rows of one run share."""

    machine: str
    commit: str
    command: str
    began: str

    @classmethod
    def here(cls) -> "Origin":
        """Return the origin of this process's measurements."""
        command = " ".join(["python -m benchmarks.speed", *sys.argv[1:]])
        return cls(_machine(), _commit(), command, now())


def now() -> str:
    """Return the time in UTC, in a format that sorts."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions(told: Mapping[str, str]) -> str:
    """Return as JSON the versions that a peer reported or, if it reported none, those of this environment."""
    here = {"python": ".".join(map(str, sys.version_info[:3]))} | {name: version(name) for name in _LIBRARIES}
    return json.dumps(dict(told) or here)


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{models[0] if models else 'unknown CPU'}, {os.cpu_count()} cores"


def _commit() -> str:
    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False).stdout.strip()

    # A copy of the files may lie on a machine without git.
    if shutil.which("git") is None or not (head := git("rev-parse", "--short=10", "HEAD")):
        return "unknown"
    return head + ("+changes" if git("status", "--porcelain", "--untracked-files=no") else "")
