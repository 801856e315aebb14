"""What artifacts are made with beside code, libraries and data: device kind, threads, precision.

All is known without importing torch, unless it is a build for a GPU on a machine that has one.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

PRECISION = "float32"  # neither TF32 nor bfloat16 is allowed: make.determinism sees to it
_DRIVERS = ("libcuda.so.1", "nvcuda.dll")


def conditions() -> dict[str, Any]:
    """Parts of the key of everything that is made here, as plain values."""
    return {
        "device": device(),
        "threads": threads(),
        "precision": PRECISION,
    }


def threads() -> int:
    """The threads of training: OMP_NUM_THREADS, or the physical cores that this process may use."""
    said = re.match(r"\s*([1-9]\d*)\s*(,|$)", os.environ.get("OMP_NUM_THREADS", ""))
    return int(said[1]) if said else _cores()


@lru_cache
def device() -> str:
    """ "cuda" where torch would compute on a GPU, else "cpu"."""
    if not _is_gpu_build() or not _has_driver():
        return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


@lru_cache
def _cores() -> int:
    import psutil

    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(psutil.cpu_count(logical=False) or 1, allowed or 1))


def _is_gpu_build() -> bool:
    """Whether torch was built for CUDA or ROCm, as its version file says."""
    spec = importlib.util.find_spec("torch")
    file = Path(spec.origin).with_name("version.py") if spec and spec.origin else None
    if file is None or not file.is_file():
        return spec is not None  # it can't be told: torch itself is asked
    built_for = re.findall(r"^(?:cuda|hip|rocm)\b[^=\n]*=\s*(\S+)", file.read_text(), re.MULTILINE)
    return not built_for or any(version != "None" for version in built_for)


def _has_driver() -> bool:
    """Whether a GPU's driver is installed; AMD's is a part of the kernel."""
    for name in _DRIVERS:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return True
    return Path("/dev/kfd").exists()
