"""Names in the order in which people count: 9 before 10."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")


def key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """For `sorted`: runs of digits are numbers, and stand before letters."""
    parts = [part for part in _DIGITS.split(name) if part]
    return [(0, int(p), "") if p[0] in "0123456789" else (1, 0, p) for p in parts], name
