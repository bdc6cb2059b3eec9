"""Pictures of a report, as a browser shows it on a desk and on a telephone."""

import shutil
import subprocess
from pathlib import Path

from PIL import Image

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 300
# Enough for text and a few colours; the files are a third as large.
_COLOURS = 64


def browser() -> str:
    """Return the path of the browser; raises RuntimeError if it is not installed."""
    found = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        raise RuntimeError(
            f"expected a browser that takes pictures of pages, one of {', '.join(_BROWSERS)}; found none"
        )
    return found


def take(page: Path, picture: Path, width: int, height: int) -> None:
    """Write a picture of the top of a page in a window of this size."""
    whole = picture.with_suffix(".whole.png")
    window = [f"--window-size={width},{height}", f"--screenshot={whole}", page.resolve().as_uri()]
    switches = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    subprocess.run([browser(), *switches, *window], check=True, capture_output=True, timeout=_SECONDS)
    with Image.open(whole) as taken:
        taken.convert("RGB").quantize(_COLOURS).save(picture, optimize=True)
    whole.unlink()
