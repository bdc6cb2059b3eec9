"""A server that a script has started ends with the script, even if the script is killed."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "support" / "s3_server.py"


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_s3_server_to_try_ends_with_its_script(tmp_path, number):
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, SCRIPT], env=environment, stdout=subprocess.PIPE, text=True) as script:
        assert script.stdout is not None
        assert "An S3 server runs" in script.stdout.readline()
        [server] = [os.pidfd_open(pid) for pid in children(script.pid)]
        script.send_signal(number)
        script.stdout.read()
    assert script.returncode == (-number if number == signal.SIGKILL else 0)
    # A pidfd becomes readable when its process has ended.
    ended, _, _ = select.select([server], [], [], 60)
    os.close(server)
    assert ended
    if number != signal.SIGKILL:
        assert list(tmp_path.iterdir()) == []
