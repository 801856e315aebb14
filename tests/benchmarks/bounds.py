"""What was measured and what is promised, side by side; a missed bound ends a script with 1."""

from __future__ import annotations

import sys
from typing import NoReturn


class Bounds:
    """Prints each figure with its bound, and remembers which were missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def at_most(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """A figure that is missed where it is larger, or NaN."""
        self.holds(f"{what}: {_text(value, unit)}", f"at most {_text(limit, unit)}", value <= limit)

    def at_least(self, what: str, value: float, limit: float, unit: str = "") -> None:
        """A figure that is missed where it is smaller, or NaN."""
        self.holds(
            f"{what}: {_text(value, unit)}", f"at least {_text(limit, unit)}", value >= limit
        )

    def none_of(self, what: str, count: int) -> None:
        """How often something was seen that must never be."""
        self.holds(f"{what}: {count}", "none", count == 0)

    def holds(self, found: str, wanted: str, is_so: bool) -> None:
        """What was found in words, what is wanted, and whether the one is the other."""
        print(f"{found} ({wanted}: {'reached' if is_so else 'MISSED'})", flush=True)
        if not is_so:
            self.missed.append(found)

    def end(self) -> NoReturn:
        """End the process: 1 where a bound was missed, which is said again, else 0."""
        for found in self.missed:
            print(f"missed: {found}", file=sys.stderr)
        sys.exit(bool(self.missed))


def _text(value: float, unit: str) -> str:
    number = (
        f"{value:.1%}" if unit == "%" else f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"
    )
    return number if unit in ("", "%") else f"{number} {unit}"
