"""Small pictures of a few colours as PNG files (ISO/IEC 15948), in the form in which a page holds them."""

import base64
import struct
import zlib
from collections.abc import Sequence

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_address(rows: Sequence[Sequence[int | None]], palette: Sequence[str]) -> str:
    """Return a `data:` address of the picture whose pixels are indices into a palette of `#rrggbb`; None is clear."""
    width, height = len(rows[0]), len(rows)
    colours = b"".join(bytes.fromhex(colour.removeprefix("#")) for colour in ("#000000", *palette))
    pixels = b"".join(b"\0" + bytes(0 if pixel is None else pixel + 1 for pixel in row) for row in rows)
    parts = [
        _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        _chunk(b"PLTE", colours),
        _chunk(b"tRNS", b"\0"),
        _chunk(b"IDAT", zlib.compress(pixels, 9)),
        _chunk(b"IEND", b""),
    ]
    return f"data:image/png;base64,{base64.b64encode(_SIGNATURE + b''.join(parts)).decode()}"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
