"""Pack Python sources into blocks that are compressed one by one; measure the size, and the time to read one block."""

import bz2
import lzma
import statistics
import sysconfig
import time
import zlib
from collections.abc import Callable
from pathlib import Path

_MODULES = ("argparse", "ast", "configparser", "dataclasses", "difflib", "enum", "inspect", "pdb", "tarfile", "typing")
_READS = 24
_BYTES_OF_AN_INDEX_ENTRY = 8
_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "zlib": zlib.decompress,
    "bz2": bz2.decompress,
    "lzma": lzma.decompress,
}


def evaluate(params: dict) -> dict:
    """Return the size of all blocks with their index, and the mean time to unpack one of them."""
    data, size = b"".join(_source(name) for name in _MODULES), 1024 * params["block_kib"]
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    packed = [_pack(part, params["method"], params["level"]) for part in parts]
    unpack, times = _UNPACK[params["method"]], []
    for read in range(_READS):
        block = packed[read * len(packed) // _READS]
        began = time.process_time()
        unpack(block)
        times.append(1000.0 * (time.process_time() - began))
    return {
        "archive_kib": {"mean": sum(len(block) + _BYTES_OF_AN_INDEX_ENTRY for block in packed) / 1024, "sem": 0},
        "read_ms": {"mean": statistics.mean(times), "sem": statistics.stdev(times) / _READS**0.5},
    }


def _pack(part: bytes, method: str, level: int) -> bytes:
    if method == "zlib":
        return zlib.compress(part, level)
    if method == "bz2":
        return bz2.compress(part, level)
    # A dictionary larger than a block would only cost memory.
    settings = {"id": lzma.FILTER_LZMA2, "preset": level, "dict_size": max(len(part), 4096)}
    return lzma.compress(part, filters=[settings])


def _source(module: str) -> bytes:
    return (Path(sysconfig.get_path("stdlib")) / f"{module}.py").read_bytes()
