"""In processes with a shifted clock, requests to S3 are signed with the real time."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shifted_clock import ShiftedClock

ASK = "import botocore.auth, datetime; print(botocore.auth.get_current_datetime(), datetime.datetime.now(), sep='|')"


def test_a_process_signs_with_the_kernels_time_and_shows_the_shifted_one(tmp_path):
    clock = ShiftedClock(tmp_path)
    clock.set_to(datetime(2020, 2, 2, tzinfo=UTC))
    folder = Path(__file__).with_name("signed_in_real_time")
    told = subprocess.run(
        [sys.executable, "-c", ASK],
        env=os.environ | clock.environment | {"PYTHONPATH": str(folder), "TZ": "UTC"},
        capture_output=True,
        text=True,
        check=True,
    )
    signed, shown = map(datetime.fromisoformat, told.stdout.strip().split("|"))
    assert shown.year == 2020
    assert abs(datetime.now(UTC).replace(tzinfo=None) - signed) < timedelta(hours=1)
