"""Files + raw inputs -> outputs, computed in a process of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Split
from compbench.contracts.inputs import Inputs, first, size
from compbench.errors import JobFailed, first_line
from compbench.runtime.process import Arrays, Worker, mark
from compbench.runtime.session import OrtSession, Session
from compbench.runtime.target import Target

BATCH = 256
_ALONE = "alone"
_TARGETS = "targets"


@dataclass(frozen=True)
class Inferred:
    """The outputs (N, …) for each split by its name, and which nodes ran where.

    `alone` are those of the first samples of the first split, run one by one, if any were asked.
    """

    outputs: dict[str, NDArray[np.float32]]
    placement: dict[str, NDArray[Any]]  # columns `provider` and `nodes`
    alone: NDArray[np.float32] | None = None


def packed(name: str, split: Split) -> Arrays:
    """A split as a worker has it: arrays called "name/input"."""
    return {f"{name}/{own}": array for own, array in split.arrays.items()}


def packed_whole(name: str, split: Split) -> Arrays:
    """The same with its targets."""
    return packed(name, split) | {f"{name}//{_TARGETS}": split.targets}


def inputs_of(name: str, arrays: Arrays) -> Arrays:
    """The raw inputs of a split, out of a worker's arrays."""
    prefix = f"{name}/"
    return {
        n.removeprefix(prefix): a
        for n, a in arrays.items()
        if n.startswith(prefix) and not n.startswith(f"{prefix}/")
    }


def split_of(name: str, arrays: Arrays) -> Split:
    """A split that was packed whole."""
    return Split(inputs_of(name, arrays), arrays[f"{name}//{_TARGETS}"])


def infer(
    worker: Worker, file: str | bytes, target: Target, *splits: str, alone: int = 0
) -> Inferred:
    """Run a file (its path, or its bytes) on splits that the worker has, in its process.

    So many samples of the first split are also run `alone`.
    Raises JobFailed where it does not load or run, or crashes.
    """
    spec = {"target": target.model_dump(mode="json"), "splits": splits, "alone": alone}
    uses = tuple(n for s in splits for n in worker.names(f"{s}/") if not n.startswith(f"{s}//"))
    if isinstance(file, bytes):
        content = {"file": np.frombuffer(file, np.uint8)}
        found = worker.call(inferred, spec, content, uses)
    else:
        found = worker.call(inferred, spec | {"file": file}, {}, uses)
    placement = {name: found.pop(f"placement {name}") for name in ("provider", "nodes")}
    return Inferred(found, placement, found.pop(_ALONE, None))


def outputs_of(file: str | bytes, target: Target, inputs: Inputs) -> NDArray[np.float32]:
    """The outputs (N, …) of one file, from a process for it alone."""
    with Worker({f"given/{name}": array for name, array in inputs.items()}) as worker:
        return infer(worker, file, target, "given").outputs["given"]


def inferred(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    """What the process does."""
    file = spec.get("file") or arrays["file"].tobytes()
    session = OrtSession(file, Target(**spec["target"]))
    nodes = [len(operators) for operators in session.placement.values()]
    found = {name: outputs(session, inputs_of(name, arrays)) for name in spec["splits"]}
    if spec["alone"]:
        few = first(inputs_of(spec["splits"][0], arrays), spec["alone"])
        found[_ALONE] = outputs(session, few, batch=1)
    return {
        **found,
        "placement provider": np.array(list(session.placement), np.str_),
        "placement nodes": np.array(nodes, np.int32),
    }


def outputs(session: Session, inputs: Inputs, batch: int = BATCH) -> NDArray[np.float32]:
    """The deployed file's outputs (N, …); one of a fixed batch gets the last sample again."""
    fixed, parts, count = getattr(session, "batch_size", None), [], size(inputs)
    batch = fixed or batch
    for start in range(0, count, batch):
        mark()
        part = {name: array[start : start + batch] for name, array in inputs.items()}
        if fixed and size(part) < fixed:
            part = {name: _filled(array, fixed) for name, array in part.items()}
        session.bind(part)
        try:
            session.run()
        except Exception as error:  # ONNX Runtime's exceptions have no common base of their own
            raise JobFailed(f"ONNX Runtime can't run the file: {first_line(error)}") from error
        parts.append(session.outputs())
    return np.concatenate(parts)[:count]


def _filled(array: NDArray[Any], count: int) -> NDArray[Any]:
    return np.concatenate([array, np.repeat(array[-1:], count - len(array), axis=0)])
