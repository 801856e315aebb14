"""What a run was measured on: hardware, system, versions, git state."""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path
from typing import Any

from compbench.registry import registry
from compbench.runtime import git_state
from compbench.runtime.tool import output

_VERSIONED = ("compbench", "torch", "onnx", "onnxruntime", "numpy", "torch-pruning", "tensorly")
_FLAGS = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm")
FIELDS: dict[str, str] = {
    "cpu": "CPU",
    "flags": "vector instructions",
    "cores": "cores",
    "virtual": "virtual machine",
    "governor": "frequency governor",
    "memory_bytes": "memory",
    "gpu": "GPU",
    "system": "system",
    "python": "Python",
    "runtime": "ONNX Runtime",
    "versions": "libraries",
    "load_1min": "load before the measurement",
    "git_commit": "git commit",
}
MACHINE = ("cpu", "flags", "cores", "gpu", "system", "runtime", "versions")


def record() -> dict[str, Any]:
    """The environment as plain values; `FIELDS` has their labels."""
    import cpuinfo
    import psutil

    cpu = cpuinfo.get_cpu_info()
    return {
        "cpu": cpu.get("brand_raw", platform.processor() or "unknown"),
        "flags": sorted(flags() & set(_FLAGS)),
        "cores": os.cpu_count(),
        "virtual": "hypervisor" in flags(),
        "governor": _governor(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpu": _gpu(),
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "python": platform.python_version(),
        "runtime": _runtime(),
        "versions": registry.versions(_VERSIONED),
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "git_commit": git_state.commit(),
    }


@lru_cache
def flags() -> frozenset[str]:
    """All of the CPU's feature flags; Linux tells them at once, elsewhere it takes a second."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        listed = next((x for x in lines if x.startswith(("flags", "Features"))), "")
        return frozenset(listed.partition(":")[2].split())
    except OSError:
        import cpuinfo

        return frozenset(cpuinfo.get_cpu_info().get("flags", []))


def has_vnni(environment: dict[str, Any]) -> bool:
    """Whether the CPU multiplies 8-bit integers natively (x86 VNNI or AMX, Arm dot product)."""
    return bool(set(environment["flags"]) & {"avx_vnni", "avx512_vnni", "amx_int8", "asimddp"})


def differences(one: dict[str, Any], other: dict[str, Any]) -> str:
    """Which fields make two records two machines, with both values; empty where none does."""
    return "; ".join(
        f"{FIELDS[name]}: {one.get(name)} became {other.get(name)}"
        for name in MACHINE
        if one.get(name) != other.get(name)
    )


def _gpu() -> str | None:
    line = output("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
    return line.splitlines()[0] if line else None


def _governor() -> str | None:
    """Linux's frequency policy of the first core; absent in most virtual machines."""
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    try:
        return path.read_text().strip()
    except OSError:
        return None


def _runtime() -> dict[str, Any]:
    """ONNX Runtime's distribution, its build, and the providers that it has."""
    import onnxruntime

    build = onnxruntime.get_build_info().removeprefix("ORT Build Info: ")
    return {
        "package": onnxruntime.package_name,
        "build": build,
        "providers": onnxruntime.get_available_providers(),
    }
