import subprocess
import sys
from datetime import UTC, datetime, timedelta

from shifted_clock import ShiftedClock

A_DAY = timedelta(days=1)
PROGRAM = """
import sys, threading, time
from datetime import datetime, UTC

for line in sys.stdin:
    began, before = datetime.now(UTC), time.monotonic()
    time.sleep(0.01)
    threading.Event().wait(0.01)
    print(began.isoformat(), time.time(), time.monotonic() - before, flush=True)
"""


def test_a_process_sees_the_clock_put_forward_at_once_and_waits_as_long_as_ever(tmp_path):
    clock = ShiftedClock(tmp_path)
    clock.set_to(datetime(2026, 3, 28, 12, tzinfo=UTC))
    asked = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=clock.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for moment in (datetime(2026, 3, 28, 13, tzinfo=UTC), datetime(2026, 3, 29, 20, tzinfo=UTC)):
        clock.set_to(moment)
        before = clock.now()
        asked.stdin.write("\n")
        asked.stdin.flush()
        shown, seconds, waited = asked.stdout.readline().split()
        assert before <= datetime.fromisoformat(shown) <= datetime.fromtimestamp(float(seconds), UTC) <= clock.now()
        assert abs(before - moment) < A_DAY / 24
        assert 0.02 <= float(waited) < 3600
    asked.communicate()
    assert asked.returncode == 0
