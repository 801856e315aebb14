"""What another program of the system says."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping


def output(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """What it prints; nothing where it is not there, fails, or takes more than ten seconds."""
    try:
        process = subprocess.run(
            command, capture_output=True, text=True, timeout=10, env=environment
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return process.stdout.strip() if process.returncode == 0 else ""
