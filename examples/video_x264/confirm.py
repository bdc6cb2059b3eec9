"""Compare the recommended settings with x264's presets, on the clip they were tuned on and on two others.

`python confirm.py` encodes each clip at five qualities with each of the settings. Two curves of bitrate against quality
follow, and the saving is the mean distance between them where they overlap (a Bjøntegaard delta). Quality is VMAF, and
SSIM as well, because a search may find what pleases one measure alone.
"""

import math
import sys
import tempfile
from pathlib import Path

import numpy as np
from encoding import CLIPS, FRAMES_PER_SECOND, encode, ssim_of_frames, vmaf_of_frames
from scipy.interpolate import PchipInterpolator

from overnight import AskTell

CRFS = (24.0, 26.0, 28.0, 30.0, 32.0)


def main() -> None:
    """Print the saving of each of the settings, for each clip."""
    found = AskTell(Path(__file__).with_name("campaign.yaml")).recommend()
    if found is None:
        raise SystemExit("Nothing was observed yet: run the campaign first.")
    tuned = dict(found.point)
    shift = float(tuned.pop("crf")) - 28.0
    compared = [
        ("recommended", tuned, "medium", shift),
        ("medium without aq and psy", {"aq_mode": 0, "psy_rd": 0}, "medium", 0.0),
        ("slow", {}, "slow", 0.0),
    ]
    print(f"saving in bitrate against the preset medium, at equal quality{' ' * 12}VMAF    SSIM    processor time")
    for clip in sys.argv[1:] or FRAMES_PER_SECOND:
        default = curves(clip, {}, "medium", 0.0)
        for name, params, preset, shifted in compared:
            measured = curves(clip, params, preset, shifted)
            savings = "  ".join(f"{saving(default, measured, quality):+6.1%}" for quality in ("vmaf", "ssim"))
            ratio = measured["cpu_s"].sum() / default["cpu_s"].sum()
            print(f"  {clip:<20} {name:<48} {savings}  x {ratio:.2f}", flush=True)


def curves(clip: str, params: dict, preset: str, shift: float) -> dict[str, np.ndarray]:
    """Return the logarithm of the size, the quality and the processor seconds, from the best quality to the worst."""
    measured = [measure(clip, {"crf": crf + shift, **params}, preset) for crf in CRFS]
    return {name: np.array([each[name] for each in measured]) for name in measured[0]}


def measure(clip: str, params: dict, preset: str) -> dict[str, float]:
    """Encode a clip once; SSIM is in decibels."""
    source = CLIPS / f"{clip}.mp4"
    with tempfile.TemporaryDirectory() as folder:
        encoded = Path(folder) / "encoded.264"
        cpu_s = encode(source, encoded, params, preset)
        return {
            "log_size": math.log(encoded.stat().st_size),
            "vmaf": float(np.mean(vmaf_of_frames(encoded, source))),
            "ssim": -10 * math.log10(1 - np.mean(ssim_of_frames(encoded, source))),
            "cpu_s": cpu_s,
        }


def saving(default: dict[str, np.ndarray], other: dict[str, np.ndarray], quality: str) -> float:
    """Return by which share the other curve is larger at equal quality; it is negative if it is smaller."""
    low = max(default[quality].min(), other[quality].min())
    high = min(default[quality].max(), other[quality].max())
    areas = [
        PchipInterpolator(curve[quality][::-1], curve["log_size"][::-1]).integrate(low, high)
        for curve in (default, other)
    ]
    return math.exp((areas[1] - areas[0]) / (high - low)) - 1


if __name__ == "__main__":
    main()
