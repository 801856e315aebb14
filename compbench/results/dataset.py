"""A run's or a baseline's record of its dataset: has it the same test samples as another; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEST = "test_digest"  # absent in records of before it was kept
UNTOLD = "one was recorded before test samples had a digest of their own"


def same_test_samples(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool | None:
    """Whether both have the same test samples and labels, equally normalised; None: it is unknown.

    A record without the digest of its test samples has one of another kind, of files and code: the
    same one says that all is the same, another one says nothing of records of the newer kind.
    """
    if a.get("name") != b.get("name"):
        return False
    if a.get("digest") == b.get("digest"):
        return True
    if (TEST in a) != (TEST in b):
        described = ("shape", "mean", "std", "inputs", "outputs", "samples")
        unlike = any(a.get(x) != b.get(x) for x in described if x in a and x in b)
        return False if unlike else None
    return TEST in a and a[TEST] == b[TEST]
