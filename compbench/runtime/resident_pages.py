"""The memory of a process that was forked, made its own: as if it had imported all itself.

A forked process shares what its parent wrote until it writes there itself, and has none of the
files' pages (of libraries, mostly) before it touches them. So its resident memory would be too
small at first, and grow by what the imports had taken already. Linux 5.14 or later.
"""

from __future__ import annotations

import ctypes
import mmap

import numpy as np

Range = tuple[int, int, int]  # address, bytes, advice

_READ, _WRITE = 22, 23  # MADV_POPULATE_READ, MADV_POPULATE_WRITE: see madvise(2)
_PRESENT, _OF_A_FILE = 63, 61  # bits of an entry of /proc/self/pagemap: see pagemap in proc(5)
_ENTRY_BYTES = 8


def present() -> list[Range]:
    """What of this process's own memory is resident. Raises OSError where that is not told."""
    found: list[Range] = []
    with open("/proc/self/maps") as maps, open("/proc/self/pagemap", "rb") as pages:
        for line in maps:
            span, rights, *_ = line.split()
            is_kernels = "[v" in line  # vdso, vvar, vsyscall
            if is_kernels or rights[0] != "r" or rights[3] != "p":
                continue
            start, end = (int(address, 16) for address in span.split("-"))
            pages.seek(start // mmap.PAGESIZE * _ENTRY_BYTES)
            count = (end - start) // mmap.PAGESIZE
            entries = np.frombuffer(pages.read(_ENTRY_BYTES * count), np.uint64)
            is_there, is_file = (
                (entries >> np.uint64(bit)) & np.uint64(1) == 1 for bit in (_PRESENT, _OF_A_FILE)
            )
            written = is_there & ~is_file if rights[1] == "w" else np.zeros(len(entries), bool)
            found += _ranges(start, written, _WRITE)
            found += _ranges(start, is_there & ~written, _READ)
    return found


def take(ranges: list[Range]) -> None:
    """Make these resident, with a copy of one's own of what was written. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for address, size, advice in ranges:
        if libc.madvise(address, size, advice):
            raise OSError(ctypes.get_errno(), "madvise can't make pages resident")


def _ranges(start: int, wanted: np.ndarray, advice: int) -> list[Range]:
    """The runs of wanted pages, by address."""
    places = np.flatnonzero(wanted)
    runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if places.size else []
    size = mmap.PAGESIZE
    return [(start + int(run[0]) * size, len(run) * size, advice) for run in runs]
