"""An evaluation that keeps its own log, as evidence that is independent of Overnight.

`python logged_evaluation.py LOG LOCKS WORKERS STUBBORN` writes a line when it begins, when it has found a value, when
it has stored it, and when it ends. Locks, which the kernel releases at their holder's death, show whether another
evaluation of the same trial is alive and whether more evaluations are alive than the campaign has workers. The first
attempt at a trial ignores SIGTERM for STUBBORN seconds.
"""

import fcntl
import json
import os
import random
import signal
import sys
import time
from pathlib import Path
from typing import Any


def main(log: Path, locks: Path, workers: int, stubborn: int) -> None:
    """Evaluate the requested point in one to five seconds."""
    request = json.loads(Path(os.environ["EVAL_REQUEST"]).read_text())

    def say(what: str, **more: Any) -> None:
        line = json.dumps({"key": request["key"], "said": what, "time": time.time(), **more}) + "\n"
        file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(file, line.encode())
        os.close(file)

    say("began", trial=request["trial"], attempt=request["attempt"], point=request["parameters"])
    if not taken(locks / str(request["trial"])):
        say("another one lives")
    if not any(taken(locks / f"worker-{number}") for number in range(workers)):
        say("no worker is free")
    if stubborn and request["attempt"] == 1:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(stubborn)
    time.sleep(1 + request["seed"] % 1000 / 250)
    # Each attempt has its own noise, so that a value identifies the attempt that found it.
    noise = random.Random(request["key"]).gauss(0, 0.02)
    value = (request["parameters"]["x"] - 0.3) ** 2 + request["parameters"]["n"] / 100 + noise
    say("found", value=value)
    result = Path(os.environ["EVAL_RESULT"])
    written = result.with_name("written")
    written.write_text(json.dumps({"metrics": {"loss": value}}))
    written.rename(result)
    say("stored")
    # Programs also take time to clean up, and may be killed while they do.
    time.sleep(request["seed"] % 7 / 10)
    say("ended")


def taken(path: Path) -> bool:
    """Take a lock for the rest of this process's life; return False if a living process holds it."""
    lock = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
