"""What an ONNX file says of itself: `metadata_props`, names -> texts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import onnx

from compbench.contracts import Feed

FEEDS = "feeds"
OUTPUT = "output"  # the name of the output that counts
OUTPUT_IS = "output_is"  # "logits" or ...
PROBABILITIES = "probabilities"  # ... this
FRONT_END = "front_end"  # the nodes before anything that is learnt, a list of names
NOT_LEARNT = "not_learnt"  # the constants that no training changes, a list of names
OF_THE_NET = (
    OUTPUT,
    OUTPUT_IS,
    FRONT_END,
    NOT_LEARNT,
)  # what stays true of a file made of this one
PREFIX = "compbench."  # before the names of what is said here


def read(file: bytes | onnx.ModelProto) -> dict[str, str]:
    """What was written, without the prefix; nothing in a file that others made."""
    model = file if isinstance(file, onnx.ModelProto) else onnx.load_model_from_string(file)
    return {
        one.key.removeprefix(PREFIX): one.value
        for one in model.metadata_props
        if one.key.startswith(PREFIX)
    }


def written(file: bytes, entries: Mapping[str, str]) -> bytes:
    """The same file, saying this instead of what it said; the same bytes every time."""
    model = onnx.load_model_from_string(file)
    del model.metadata_props[:]
    for name in sorted(entries):
        model.metadata_props.add(key=PREFIX + name, value=entries[name])
    return model.SerializeToString(deterministic=True)


def fed(file: bytes, feeds: Sequence[Feed]) -> bytes:
    """The same file, saying how its inputs are made of a dataset's."""
    return written(file, read(file) | {FEEDS: json.dumps([feed.as_json() for feed in feeds])})


def feeds(file: bytes | onnx.ModelProto) -> tuple[Feed, ...]:
    """How its inputs are made of a dataset's; nothing where it does not say."""
    return tuple(map(Feed.from_json, json.loads(read(file).get(FEEDS, "[]"))))


def net_sha256(file: bytes) -> str:
    """The checksum of the file without what it says of itself: of what it computes."""
    model = onnx.load_model_from_string(file)
    model.ClearField("metadata_props")
    return hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
