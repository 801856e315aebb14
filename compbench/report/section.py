"""What the sections of a report are made of."""

from __future__ import annotations

Table = list[dict[str, str]]
