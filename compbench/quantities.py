"""What people write for a share, a size or a time -> a number; pure."""

from __future__ import annotations

import re

from pydantic import ByteSize, TypeAdapter, ValidationError

_NUMBER = r"\s*([0-9]*\.?[0-9]+(?:e-?[0-9]+)?)\s*"
_NANOSECONDS = {"ns": 1.0, "us": 1e3, "µs": 1e3, "μs": 1e3, "ms": 1e6, "s": 1e9}
_BYTES = TypeAdapter(ByteSize)


def share(text: str | float) -> float:
    """'1pp', '1 %' and 0.01 are 0.01. Raises ValueError for what is no share from 0 to 1."""
    found = re.fullmatch(_NUMBER + r"(pp|%)?", str(text), re.IGNORECASE)
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not 0 <= value <= 1:
        hint = f": write {text}pp" if found and not found[2] and value <= 100 else ""
        raise ValueError(f"{text!r} should be percentage points such as 1pp, or 0 to 1{hint}")
    return value


def size_bytes(text: str | float) -> float:
    """'200KB', '1.5 MB', '64KiB' and 200000 in bytes. Raises ValueError for anything else."""
    try:
        value = float(_BYTES.validate_python(text))
    except ValidationError:
        value = 0.0
    if not value > 0:
        raise ValueError(f"{text!r} should be a size such as 200KB or 1.5MB")
    return value


def time_ns(text: str | float) -> float:
    """'0.5ms', '80 us' and '2s' in nanoseconds. Raises ValueError for what has no unit of time."""
    found = re.fullmatch(_NUMBER + rf"({'|'.join(_NANOSECONDS)})", str(text), re.IGNORECASE)
    value = float(found[1]) * _NANOSECONDS[found[2].lower()] if found else 0.0
    if not value > 0:
        raise ValueError(f"{text!r} should be a time with its unit, such as 0.5ms or 80us")
    return value
