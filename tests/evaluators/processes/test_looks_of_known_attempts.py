"""A look at a running evaluation belongs to its attempt, even if the controller that looked has died."""

import asyncio
import json
import os
import subprocess
import sys

from overnight.evaluators.processes.attempt_folder import AttemptFolder
from overnight.evaluators.processes.orphans import end_orphans


def test_the_look_of_a_dead_controller_is_an_orphan_only_if_its_attempt_is_unknown(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    attempt = tmp_path / "work" / "1-c0ffee"
    look = AttemptFolder.at(attempt / "look-3-ab")
    look.start.write_text(json.dumps({"starter": gone.pid, "time_limit": 60, "grace": 0.1}))
    waits = [sys.executable, "-c", "import time; time.sleep(60)"]
    process = subprocess.Popen(waits, env={**os.environ, **look.variables()}, start_new_session=True)
    try:
        assert asyncio.run(end_orphans(tmp_path / "work", [attempt])) == 0
        assert process.poll() is None
        assert asyncio.run(end_orphans(tmp_path / "work", [tmp_path / "work" / "2-c0ffee"])) == 1
    finally:
        process.kill()
        process.wait()
