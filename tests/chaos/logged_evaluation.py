"""An evaluation that keeps a log of its own, so that what ran is known from somebody else than from us.

`python logged_evaluation.py LOG LOCKS`: one line when it begins, has found a value, has stored it, and ends. Whether
another one of the same trial lives is told by a lock that the kernel takes back at its holder's death.
"""

import fcntl
import json
import os
import random
import sys
import time
from pathlib import Path


def main(log: Path, locks: Path) -> None:
    """Evaluate what is asked for, in one to five seconds."""
    request = json.loads(Path(os.environ["EVAL_REQUEST"]).read_text())

    def say(what: str, **more: float) -> None:
        line = json.dumps({"key": request["key"], "said": what, "time": time.time(), **more}) + "\n"
        file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, line.encode())
        os.close(file)

    say("began")
    lock = os.open(locks / str(request["trial"]), os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another one lives")
    time.sleep(1 + request["seed"] % 1000 / 250)
    # Noise of its own for each attempt, so that a value tells which one found it.
    noise = random.Random(request["key"]).gauss(0, 0.02)
    value = (request["parameters"]["x"] - 0.3) ** 2 + request["parameters"]["n"] / 100 + noise
    say("found", value=value)
    result = Path(os.environ["EVAL_RESULT"])
    written = result.with_name("written")
    written.write_text(json.dumps({"metrics": {"loss": value}}))
    written.rename(result)
    say("stored")
    # Tidying up takes programs some time, too, and they may be killed at that.
    time.sleep(request["seed"] % 7 / 10)
    say("ended")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
