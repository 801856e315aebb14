"""What an ONNX file says of itself: `metadata_props`, names -> texts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import onnx

PREFIX = "compbench."  # before the names of what is said here


def read(file: bytes) -> dict[str, str]:
    """What was written, without the prefix; nothing in a file that others made."""
    entries = onnx.load_model_from_string(file).metadata_props
    return {
        one.key.removeprefix(PREFIX): one.value for one in entries if one.key.startswith(PREFIX)
    }


def written(file: bytes, entries: Mapping[str, str]) -> bytes:
    """The same file, saying this instead of what it said; the same bytes every time."""
    model = onnx.load_model_from_string(file)
    del model.metadata_props[:]
    for name in sorted(entries):
        model.metadata_props.add(key=PREFIX + name, value=entries[name])
    return model.SerializeToString(deterministic=True)


def net_sha256(file: bytes) -> str:
    """The checksum of the file without what it says of itself: of what it computes."""
    model = onnx.load_model_from_string(file)
    model.ClearField("metadata_props")
    return hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
