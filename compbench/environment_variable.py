"""An environment variable that a library reads at each call."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def held(name: str, value: str) -> Iterator[None]:
    """The variable has this value for a while, and then what it had, or none."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
