"""The software and CPU instructions behind a proposal; equal stacks give equal bits."""

from functools import cache
from importlib.metadata import version

import torch
from threadpoolctl import threadpool_info

_LIBRARIES = ("torch", "gpytorch", "numpy", "scipy")


@cache
def stack() -> dict[str, str]:
    """Return the versions of the libraries, the widest instructions that torch uses, and the kernels of NumPy's BLAS.

    Instructions and kernels depend on the processor, unless an environment variable such as OPENBLAS_CORETYPE sets
    them. The BLAS inside torch chooses its kernels, too, but does not report them; the processor's name stands in for
    them.
    """
    versions = {name: version(name) for name in _LIBRARIES}
    return {
        **versions,
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "processor": str(torch.cpu.get_capabilities().get("cpu_name", "unknown")),
        "blas": ", ".join(sorted(set(_blas_kernels()))),
    }


def _blas_kernels() -> list[str]:
    loaded = (library for library in threadpool_info() if library["user_api"] == "blas")
    return [f"{library['internal_api']} {library.get('architecture', 'unknown')}" for library in loaded]
