"""An evaluation of a night: ten to forty seconds at random, with a log of its own in wall-clock time.

`python night_evaluation.py LOG SURPRISE CLOSES`: the first evaluation that begins in the last 75 s before CLOSES
(seconds since 1970) unexpectedly lasts until 15 s after CLOSES. The file SURPRISE records that there was one.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

_SHORTEST, _LONGEST = 10.0, 40.0
_LAST, _BEYOND = 75.0, 15.0


def main(log: Path, surprise: Path, closes: float) -> None:
    """Evaluate the requested point."""
    request = json.loads(Path(os.environ["EVAL_REQUEST"]).read_text())

    def say(what: str) -> None:
        line = json.dumps({"key": request["key"], "said": what, "time": time.time()}) + "\n"
        file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, line.encode())
        os.close(file)

    def end(number: int, frame: object) -> None:
        say("stopped")
        sys.exit(1)

    signal.signal(signal.SIGTERM, end)
    say("began")
    seconds = _SHORTEST + (_LONGEST - _SHORTEST) * (request["seed"] % 1000 / 1000)
    left = closes - time.time()
    if 0 < left <= _LAST and _is_first(surprise):
        seconds = left + _BEYOND
    time.sleep(seconds)
    noise = random.Random(request["key"]).gauss(0, 0.02)
    value = (request["parameters"]["x"] - 0.3) ** 2 + request["parameters"]["n"] / 100 + noise
    Path(os.environ["EVAL_RESULT"]).write_text(json.dumps({"metrics": {"loss": value}}))
    say("ended")


def _is_first(surprise: Path) -> bool:
    try:
        os.close(os.open(surprise, os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
