"""Files + raw inputs -> outputs, computed in a process of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Split
from compbench.contracts.inputs import Inputs, size
from compbench.errors import JobFailed, first_line
from compbench.runtime import mapping
from compbench.runtime.process import Arrays, Worker, mark
from compbench.runtime.session import OrtSession, Session
from compbench.runtime.target import Target

BATCH = 256
_ALONE = "alone"
_TARGETS, _ROWS, _MAPPED = "targets", "rows", "mapped"


@dataclass(frozen=True)
class Inferred:
    """The outputs (N, …) for each split by its name, and which nodes ran where.

    `alone` are those of the first samples of the first split, run one by one, if any were asked.
    """

    outputs: dict[str, NDArray[np.float32]]
    placement: dict[str, NDArray[Any]]  # columns `provider` and `nodes`
    alone: NDArray[np.float32] | None = None


def packed(name: str, split: Split) -> Arrays:
    """A split as a worker has it: arrays called "name/input".

    Of what is mapped into memory only where it lies: it may be larger than that.
    """
    if split.is_in_memory:
        return {f"{name}/{own}": array for own, array in split.arrays.items()}
    rows = np.arange(len(split)) if split.rows is None else split.rows
    found: Arrays = {f"{name}//{_ROWS}": rows}
    for own, array in split.stored.items():
        if mapping.can_be_shared(array):
            found[f"{name}//{_MAPPED}/{own}"] = mapping.place(array)
        else:
            found[f"{name}/{own}"] = array
    return found


def packed_whole(name: str, split: Split) -> Arrays:
    """The same with its targets."""
    return packed(name, split) | {f"{name}//{_TARGETS}": split.targets}


def split_of(name: str, arrays: Arrays) -> Split:
    """A split out of a worker's arrays; where it was packed without them, of no targets."""
    prefix, hidden, mapped = f"{name}/", f"{name}//", f"{name}//{_MAPPED}/"
    inputs: Arrays = {}
    for own, array in arrays.items():
        if own.startswith(mapped):
            inputs[own.removeprefix(mapped)] = mapping.at(array)
        elif own.startswith(prefix) and not own.startswith(hidden):
            inputs[own.removeprefix(prefix)] = array
    rows = arrays.get(f"{hidden}{_ROWS}")
    count = size(inputs) if rows is None else len(rows)
    part = Split(inputs, np.zeros(size(inputs), np.int8), rows)
    return part.with_targets(arrays.get(f"{hidden}{_TARGETS}", np.zeros(count, np.int8)))


def infer(
    worker: Worker, file: str | bytes, target: Target, *splits: str, alone: int = 0
) -> Inferred:
    """Run a file (its path, or its bytes) on splits that the worker has, in its process.

    So many samples of the first split are also run `alone`. Raises JobFailed where it does not load
    or run, crashes, or gives what is no number.
    """
    spec = {"target": target.model_dump(mode="json"), "splits": splits, "alone": alone}
    uses = tuple(n for s in splits for n in worker.names(f"{s}/") if n != f"{s}//{_TARGETS}")
    if isinstance(file, bytes):
        content = {"file": np.frombuffer(file, np.uint8)}
        found = worker.call(inferred, spec, content, uses)
    else:
        found = worker.call(inferred, spec | {"file": file}, {}, uses)
    placement = {name: found.pop(f"placement {name}") for name in ("provider", "nodes")}
    by_itself = found.pop(_ALONE, None)
    for split, given in found.items():
        _refuse_nan(split, given)
    return Inferred(found, placement, by_itself)


def _refuse_nan(split: str, given: NDArray[np.float32]) -> None:
    """Raises JobFailed where outputs are no numbers: which of them is largest says nothing."""
    odd = np.flatnonzero(np.isnan(given.reshape(len(given), -1)).any(1))
    if len(odd):
        raise JobFailed(
            f"its outputs are no numbers (NaN) for {len(odd):,} of {len(given):,} {split} samples, "
            f"the first is sample {odd[0]}"
        )


def outputs_of(file: str | bytes, target: Target, inputs: Inputs) -> NDArray[np.float32]:
    """The outputs (N, …) of one file, from a process for it alone."""
    with Worker({f"given/{name}": array for name, array in inputs.items()}) as worker:
        return infer(worker, file, target, "given").outputs["given"]


def inferred(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    """What the process does."""
    file = spec.get("file") or arrays["file"].tobytes()
    session = OrtSession(file, Target(**spec["target"]))
    nodes = [len(operators) for operators in session.placement.values()]
    splits = {name: split_of(name, arrays) for name in spec["splits"]}
    found = {name: outputs(session, split) for name, split in splits.items()}
    if spec["alone"]:
        few = splits[spec["splits"][0]].first(spec["alone"])
        found[_ALONE] = outputs(session, few, batch=1)
    return {
        **found,
        "placement provider": np.array(list(session.placement), np.str_),
        "placement nodes": np.array(nodes, np.int32),
    }


def outputs(session: Session, inputs: Inputs | Split, batch: int = BATCH) -> NDArray[np.float32]:
    """The deployed file's outputs (N, …); one of a fixed batch gets the last sample again."""
    samples = inputs if isinstance(inputs, Split) else Split(inputs, np.zeros(size(inputs)))
    fixed, parts = getattr(session, "batch_size", None), []
    for part in samples.batches(fixed or batch):
        mark()
        if fixed and size(part) < fixed:
            part = {name: _filled(array, fixed) for name, array in part.items()}
        session.bind(part)
        try:
            session.run()
        except Exception as error:  # ONNX Runtime's exceptions have no common base of their own
            raise JobFailed(f"ONNX Runtime can't run the file: {first_line(error)}") from error
        parts.append(session.outputs())
    return np.concatenate(parts)[: len(samples)]


def _filled(array: NDArray[Any], count: int) -> NDArray[Any]:
    return np.concatenate([array, np.repeat(array[-1:], count - len(array), axis=0)])
