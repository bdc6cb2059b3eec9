"""Compress Python sources with given settings of LZMA; measure size and processor time, and compute memory."""

import lzma
import statistics
import sysconfig
import time
from pathlib import Path

_MODULES = ("argparse", "ast", "configparser", "dataclasses", "difflib", "enum", "inspect", "pdb", "tarfile", "typing")
_FINDERS = {"hc3": lzma.MF_HC3, "hc4": lzma.MF_HC4, "bt2": lzma.MF_BT2, "bt3": lzma.MF_BT3, "bt4": lzma.MF_BT4}
_ROUNDS = 3


def evaluate(params: dict) -> dict:
    """Return the compressed size, the processor time, and a decoder's memory: its dictionary and a constant part."""
    data = b"".join(_source(name) for name in _MODULES)
    settings = {
        "id": lzma.FILTER_LZMA2,
        "mode": lzma.MODE_NORMAL,
        "dict_size": params["dict_kib"] * 1024,
        "nice_len": max(params["nice_len"], int(params["finder"][-1])),
        "lc": params["lc"],
        "lp": 0,
        "pb": params["pb"],
        "mf": _FINDERS[params["finder"]],
        "depth": params["depth"],
    }
    times, packed = [], b""
    for _ in range(_ROUNDS):
        began = time.process_time()
        packed = lzma.compress(data, format=lzma.FORMAT_RAW, filters=[settings])
        times.append(1000.0 * (time.process_time() - began))
    return {
        "kib": {"mean": len(packed) / 1024, "sem": 0},
        "cpu_ms": {"mean": statistics.mean(times), "sem": statistics.stdev(times) / _ROUNDS**0.5},
        "decoder_kib": {"mean": params["dict_kib"] + 40, "sem": 0},
    }


def _source(module: str) -> bytes:
    return (Path(sysconfig.get_path("stdlib")) / f"{module}.py").read_bytes()
