"""Compare the time of `overnight --help` with that of a typer app with as many commands that do nothing.

`python -m benchmarks.startup` alternates the two and prints the ratio of their computing time.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from overnight.flows.cli import app

RUNS = 20
BARE = """
from pathlib import Path
from typing import Annotated
import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
CampaignPath = Annotated[Path, typer.Argument(metavar="CAMPAIGN", help="The campaign's YAML file.")]
{commands}
app()
"""
COMMAND = '''
@app.command()
def command_{number}(
    campaign: CampaignPath = Path("campaign.yaml"),
    as_of: Annotated[str | None, typer.Option(help="Show the past as it was known then.")] = None,
) -> None:
    """Do nothing with a campaign, in as many words as a command of ours is described."""
'''


def seconds(command: Sequence[str]) -> float:
    """Return the computing time of one call."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime


def pairs(bare: Path, runs: int = RUNS) -> Iterator[tuple[float, float]]:
    """Yield the seconds of ours and of the bare app, called in turn."""
    for _ in range(runs):
        ours = seconds([sys.executable, "-P", "-m", "overnight", "--help"])
        yield ours, seconds([sys.executable, "-P", str(bare), "--help"])


def main() -> None:
    """Print both medians and their ratio."""
    count = len(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(BARE.format(commands="".join(COMMAND.format(number=number) for number in range(count))))
        ours, plain = map(statistics.median, zip(*pairs(bare), strict=True))
    sys.stdout.write(
        f"`overnight --help` takes {ours:.3f} s of computing, a bare app of {count} commands {plain:.3f} s: "
        f"{ours / plain:.2f} times as long\n"
    )


if __name__ == "__main__":
    main()
