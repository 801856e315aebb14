"""Files + images -> logits, computed in a process of their own; and which samples were right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Split
from compbench.errors import JobFailed, first_line
from compbench.runtime.process import Arrays, Worker, mark
from compbench.runtime.session import Images, OrtSession, Session
from compbench.runtime.target import Target

BATCH = 256


@dataclass(frozen=True)
class Inferred:
    """The logits (N, K) of each set of images by its name, and which nodes ran where."""

    logits: dict[str, NDArray[np.float32]]
    placement: dict[str, NDArray[Any]]  # columns `provider` and `nodes`


def infer(worker: Worker, file: str | bytes, target: Target, *images: str) -> Inferred:
    """Run a file (its path, or its bytes) on sets of images that the worker has, in its process.

    Raises JobFailed where it does not load or run, or crashes.
    """
    spec = {"target": target.model_dump(mode="json"), "images": images}
    if isinstance(file, bytes):
        content = {"file": np.frombuffer(file, np.uint8)}
        found = worker.call(inferred, spec, content, images)
    else:
        found = worker.call(inferred, spec | {"file": file}, {}, images)
    placement = {name: found.pop(f"placement {name}") for name in ("provider", "nodes")}
    return Inferred(found, placement)


def logits_of(file: str | bytes, target: Target, images: Images) -> NDArray[np.float32]:
    """The logits (N, K) of one file, from a process for it alone."""
    with Worker({"images": images}) as worker:
        return infer(worker, file, target, "images").logits["images"]


def inferred(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    """What the process does."""
    file = spec.get("file") or arrays["file"].tobytes()
    session = OrtSession(file, Target(**spec["target"]))
    nodes = [len(operators) for operators in session.placement.values()]
    found = {name: logits(session, arrays[name]) for name in spec["images"]}
    return {
        **found,
        "placement provider": np.array(list(session.placement), np.str_),
        "placement nodes": np.array(nodes, np.int32),
    }


def logits(session: Session, images: Images) -> NDArray[np.float32]:
    """The deployed file's logits (N, K); a file of a fixed batch gets the last image repeatedly."""
    size, parts = getattr(session, "batch_size", None) or BATCH, []
    for start in range(0, len(images), size):
        mark()
        part = images[start : start + size]
        if len(part) < size and size != BATCH:
            part = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
        session.bind(part)
        try:
            session.run()
        except Exception as error:  # ONNX Runtime's exceptions have no common base of their own
            raise JobFailed(f"ONNX Runtime can't run the file: {first_line(error)}") from error
        parts.append(session.logits())
    return np.concatenate(parts)[: len(images)]


def correct(logits: NDArray[np.float32], split: Split) -> NDArray[np.uint8]:
    """1 for each sample whose largest logit is at its label, else 0; (N,)."""
    return (logits.argmax(1) == split.labels).astype(np.uint8)
