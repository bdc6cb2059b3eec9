"""Restrict a campaign's folders in `work` to their owner, including folders of older versions."""

import stat
from collections.abc import Callable
from glob import escape
from pathlib import Path

from overnight.evaluators.processes.private_folder import close_to_others, is_open_to_others


def close_work(work: Path, campaign: str, notify: Callable[[str], None]) -> None:
    """Close the folders of a campaign in `work` to other users; `notify` is called for each that they can still enter.

    `work` itself may be shared by several users and is left as it is; `notify` is called if all users can change it.
    """
    for folder in sorted(work.glob(f"{escape(campaign)}-*/")):
        close_to_others(folder)
        if is_open_to_others(folder):
            notify(
                f"work: other users may enter `{folder}`, and this user cannot close it. Name another `work` folder."
            )
    if work.is_dir() and work.stat().st_mode & stat.S_IWOTH and not work.stat().st_mode & stat.S_ISVTX:
        notify(f"work: every user of this machine may replace files in `{work}`. Forbid it with `chmod o-w {work}`.")
