"""`overnight pause`, `resume`, `drain` and `stop`: requests about the whole campaign."""

from pathlib import Path

from overnight.flows.commands.people.append import append_request, say_written
from overnight.flows.people import requests
from overnight.flows.rules.going_on import and_left


def pause(path: Path, why: str) -> None:
    """Keep new trials from starting until the campaign is resumed."""
    history = append_request(path, lambda history, who, now: requests.pause(history, who, why, now))
    say_written(history, "paused; running evaluations continue, nothing new starts", path)


def resume(path: Path, why: str) -> None:
    """Let a paused campaign continue."""
    history = append_request(path, lambda history, who, now: requests.resume(history, who, why, now))
    say_written(history, "resumed", path)


def ask_to_stop(path: Path, why: str, *, at_once: bool) -> None:
    """End the campaign's controller, on whichever machine it runs, as Ctrl-C would."""
    history = append_request(
        path, lambda history, who, now: requests.ask_living_to_stop(history, who, why, now, at_once=at_once)
    )
    ended = "stops at once: running evaluations are ended and tried again later"
    stopping = ended if at_once else "drains: running evaluations finish and are recorded"
    say_written(history, f"{stopping}{and_left(history)}", path)
