"""Memory that a training step frees and the next one takes again."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of mallopt(3)
_KEPT, _LARGEST = 1 << 30, 1 << 28  # bytes that stay free at most; above this: as it was


@contextmanager
def kept() -> Iterator[None]:
    """Freed memory stays with the process till the end, where it is given back.

    Without it glibc gives the activations of each step back to the system, which has to clear their
    pages before the next step: a sixth of a small convolutional net's training. Other C libraries
    are left as they are. The two thresholds stay, as they can't be read.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(library, "mallopt") or not hasattr(library, "malloc_trim"):
        yield
        return
    assert library is not None
    library.mallopt(_TRIM_THRESHOLD, _KEPT)
    library.mallopt(_MMAP_THRESHOLD, _LARGEST)
    try:
        yield
    finally:
        library.malloc_trim(0)
