"""Two files on the same samples, in a process of their own -> figures, a few numbers a sample.

Of the outputs no more than a batch's are ever in memory.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Split
from compbench.drift.figures import Comparison, figures
from compbench.errors import JobFailed
from compbench.runtime import inference
from compbench.runtime.process import Arrays, Worker
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target
from compbench.statistics.drift import Apart

_LEAST_SPREAD = 1e-3  # of the outputs' size: with less of it a distance would be that of roundings


def apart(
    worker: Worker, files: tuple[str, str], split: str, comparison: Comparison, target: Target
) -> Apart:
    """How far a teacher's and a student's file are apart on a split that the worker has.

    Raises JobFailed where one does not load or run, or gives what can't be compared.
    """
    spec = {
        "files": files,
        "split": split,
        "comparison": asdict(comparison),
        "target": target.model_dump(mode="json"),
    }
    return Apart(worker.call(_apart, spec, {}, worker.names(f"{split}/")))


def spread(worker: Worker, file: str, splits: tuple[str, ...], target: Target) -> tuple[float, ...]:
    """The standard deviation of each of a file's outputs (their last axis) over some splits."""
    spec = {"file": file, "splits": splits, "target": target.model_dump(mode="json")}
    uses = tuple(name for split in splits for name in worker.names(f"{split}/"))
    return tuple(worker.call(_spread, spec, {}, uses)["spread"].tolist())


def _apart(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    target = Target(**spec["target"])
    teacher, student = (OrtSession(file, target) for file in spec["files"])
    told = spec["comparison"]
    comparison = Comparison(
        told["has_distribution"], tuple(told["are_probabilities"]), tuple(told["spread"])
    )
    found: list[Arrays] = []
    start = 0
    for batch in inference.split_of(spec["split"], arrays).batches(inference.BATCH):
        outputs = [_outputs(session, batch) for session in (teacher, student)]
        if outputs[0].shape != outputs[1].shape:
            shapes = " and ".join(str(each.shape) for each in outputs)
            raise JobFailed(f"the two files' outputs can't be compared: they are {shapes}")
        with np.errstate(all="ignore"):  # of infinite outputs, say: what comes of them is told
            part = figures(outputs[0], outputs[1], comparison)
        _refuse_odd(part, start, spec["split"])
        found.append(part)
        start += len(outputs[0])
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _refuse_odd(figures: Arrays, start: int, split: str) -> None:
    for values in figures.values():
        odd = np.flatnonzero(~np.isfinite(values))
        if len(odd):
            raise JobFailed(
                f"the two files' outputs for sample {start + odd[0]} ({split}) can't be compared: "
                "they are no finite numbers"
            )


def _spread(spec: dict[str, Any], arrays: Arrays) -> Arrays:
    session = OrtSession(spec["file"], Target(**spec["target"]))
    count, total, square = 0, np.zeros(1), np.zeros(1)
    for split in spec["splits"]:
        for batch in inference.split_of(split, arrays).batches(inference.BATCH):
            outputs = _outputs(session, batch).astype(np.float64)
            flat = outputs.reshape(-1, outputs.shape[-1])
            count += len(flat)
            total, square = total + flat.sum(0), square + np.square(flat).sum(0)
    mean, size = total / count, np.sqrt(square / count)
    found = np.sqrt(np.maximum(square / count - np.square(mean), 0))
    found = np.maximum(found, _LEAST_SPREAD * size)
    return {"spread": np.where(found > 0, found, 1.0)}


def _outputs(session: OrtSession, batch: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    return inference.outputs(session, Split(batch, np.zeros(len(next(iter(batch.values()))))))
