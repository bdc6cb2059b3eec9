"""A wheel runs without the checkout, even if the user's own modules have the names of our folders."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from command_line import environment
from namesakes import IMPORTS, write_namesakes

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of the repository's files, and return the folder with its unpacked files."""
    folder = tmp_path_factory.mktemp("wheel")
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    copied = subprocess.run(
        ["tar", "--create", "--null", "--files-from=-"],
        cwd=ROOT,
        input="\0".join(path for path in files.split("\0") if (ROOT / path).exists()).encode(),
        capture_output=True,
        check=True,
    ).stdout
    (folder / "source").mkdir()
    subprocess.run(["tar", "--extract"], cwd=folder / "source", input=copied, check=True)
    build = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(folder),
    ]
    subprocess.run([*build, str(folder / "source")], check=True, capture_output=True)
    [wheel] = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    return folder / "installed"


def overnight(folder: Path, installed: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "overnight", *arguments],
        cwd=folder,
        env=environment() | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_wheel_installs_one_package_and_nothing_at_the_top_level(installed):
    assert {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")} == {"overnight"}
    assert not any(path.is_symlink() for path in installed.rglob("*"))
    assert (installed / "overnight" / "report" / "report.html.jinja").is_file()


@pytest.mark.slow
def test_a_wheel_runs_a_campaign_whose_folder_holds_modules_with_the_names_of_our_folders(installed, tmp_path):
    overnight(tmp_path, installed, "init", "first")
    folder = tmp_path / "first"
    write_namesakes(folder)
    objective = folder / "objective.py"
    objective.write_text(IMPORTS + objective.read_text())
    file = folder / "campaign.yaml"
    text = file.read_text()
    assert "trials: 20" in text
    file.write_text(text.replace("trials: 20", "trials: 4"))
    assert "finished" in overnight(folder, installed, "run")
    overnight(folder, installed, "report", "--output", "page.html")
    page = (folder / "page.html").read_text()
    assert "plotly" in page
    assert "whole: " in overnight(folder, installed, "verify")
    found = overnight(folder, installed, "replay", "--all").splitlines()[-1]
    assert found.endswith("same"), found


def test_a_wheel_holds_the_pages_of_the_dashboard(installed):
    pages = Path("flows", "dashboard", "page")
    held = {file.name for file in (installed / "overnight" / pages).iterdir()}
    assert held == {file.name for file in (ROOT / pages).iterdir()}
    assert "dashboard.js" in held
