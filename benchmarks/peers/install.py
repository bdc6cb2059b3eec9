"""Install peers, each into `.venvs`, with `python -m benchmarks.peers.install [NAME...]`."""

import argparse
import subprocess
import sys
import venv

from benchmarks.peers.registry import FUNCTIONS, PEERS, STORES, STUDIES, Peer

_ALL = {**PEERS, **STORES, **STUDIES, **FUNCTIONS}


def install(peer: Peer) -> None:
    """Create the peer's virtual environment and install exactly the pinned versions."""
    python = peer.venv_folder / "bin" / "python"
    if not python.exists():
        venv.create(peer.venv_folder, with_pip=True)
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    pins = peer.requirements_file.read_text().splitlines()
    # Torch comes first: requested together with the others, it may resolve to a build with gigabytes of GPU packages.
    torch = next((pin for pin in pins if pin.startswith("torch==")), None)
    if torch is not None:
        subprocess.run([*pip, torch], check=True)
    subprocess.run([*pip, "--requirement", str(peer.requirements_file)], check=True)


def main() -> None:
    """Install the named peers, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(_ALL)}; all where none is named")
    names = parser.parse_args().names or list(_ALL)
    if unknown := [name for name in names if name not in _ALL]:
        sys.exit(f"expected names of {', '.join(_ALL)}, got {', '.join(unknown)}")
    for venv_name, peer in {_ALL[name].venv: _ALL[name] for name in names}.items():
        print(f"{venv_name}: {peer.requirements_file.name}", flush=True)
        install(peer)


if __name__ == "__main__":
    main()
