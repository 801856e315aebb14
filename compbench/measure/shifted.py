"""Test samples that were shifted, and what files make of them.

One shifted copy of the test split is there at a time, in memory where the split itself is, else in
a file that goes with it. All files are run on it in a process that has it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from compbench.contracts import ShiftBase, Split, TrainingData
from compbench.contracts.inputs import Array, Inputs, size
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make.shape_check import refuse_misshapen
from compbench.make.store import MODEL, Artifact
from compbench.measure.evaluate import Inferences, scores_of
from compbench.measure.rows import make_row
from compbench.onnxfile import metadata
from compbench.results.row import Row
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.runtime.temporary import Temporary
from compbench.suite.plan import Job

METRIC = "shifted_score"
BATCH = 128  # samples that are shifted together
_SPLIT = "shifted"


@dataclass(frozen=True)
class Condition:
    """What was done to the test samples, and where files are run on them."""

    shift: str
    severity: int
    name: str  # of the target
    target: Target

    @property
    def fields(self) -> dict[str, Any]:
        """As rows have it."""
        return {"target": self.name, "shift": self.shift, "severity": self.severity}

    def failed(self, job: Job | None, reason: str) -> Row:
        """Says why there is no score of a file, or without a job of any."""
        if job is None:
            return Row("", 0, "", METRIC, **self.fields, status="failed", reason=reason)
        return make_row(job, METRIC, **self.fields, status="failed", reason=reason)


@dataclass(frozen=True)
class Shifted:
    """Runs files on shifted test samples."""

    data: Data
    silent_s: float
    _probabilities: dict[str, bool] = field(default_factory=dict)  # by key

    @contextmanager
    def samples(self, shift: ShiftBase | None, severity: int) -> Iterator[Inferences]:
        """What files give of the samples; without a shift of the test split as it is.

        Raises whatever the shift does, and JobFailed where what it gives is not like its inputs.
        """
        test, folder = self.data.test, None
        try:
            if shift is not None:
                folder = None if test.is_in_memory else Temporary()
                place = Path(folder.path) if folder else None
                test = shifted(test, shift, severity, self.data.training, place)
            with closing(Worker(inference.packed(_SPLIT, test), self.silent_s)) as worker:
                yield Inferences(worker)
        finally:
            if folder:
                folder.close()

    def rows(
        self,
        condition: Condition,
        job: Job,
        beside: Job | None,
        inferences: Inferences,
        artifacts: Mapping[str, Artifact],
    ) -> list[Row]:
        """A row with a score for each sample (N,).

        Beside it stands how far the answer is the same as that of the job `beside`, unless its file
        is not there or does not run; and of classes how sure the file is of its answer. Raises
        JobFailed where the file does not run.
        """
        data, task = self.data, self.data.task
        artifact, where = artifacts[job.key], (condition.name, condition.target, _SPLIT)
        outputs = inferences.of(artifact, *where).outputs[_SPLIT]
        refuse_misshapen(outputs.shape, data.test.targets, data, "the file")
        samples = {"score": scores_of(outputs, data.test.targets, task, "shifted")}
        other = artifacts.get(beside.key) if beside else None
        if other is not None:
            try:
                reference = inferences.of(other, *where).outputs[_SPLIT]
                samples["agreement"] = task.agreement(reference, outputs).astype(np.float32)
            except JobFailed:  # its own row says so
                pass
        if task.has_classes:
            samples["confidence"] = self._confidence(artifact, outputs)
        return [make_row(job, METRIC, **condition.fields, samples=samples)]

    def _confidence(self, artifact: Artifact, outputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability (N,) of the likeliest class, of logits or of probabilities (N, K)."""
        key = artifact.manifest.key
        if key not in self._probabilities:
            says = metadata.read(artifact.read(MODEL)).get(metadata.OUTPUT_IS)
            self._probabilities[key] = says == metadata.PROBABILITIES
        if self._probabilities[key]:
            return outputs.max(1).clip(0, 1)
        return softmax(outputs.astype(np.float64), axis=1).max(1).astype(np.float32)


def shifted(
    split: Split, shift: ShiftBase, severity: int, data: TrainingData, folder: Path | None = None
) -> Split:
    """A copy of a split whose inputs are shifted, in memory or in files in a folder.

    The same each time, whatever else was shifted before. Raises JobFailed where the shift gives
    what is not like its inputs.
    """
    places = {
        name: _empty((len(split), *shape), np.dtype(dtype), folder and folder / f"{number}.bin")
        for number, (name, (dtype, shape)) in enumerate(split.kinds.items())
    }
    change = shift.begin(data)
    start = 0
    for raw in split.batches(BATCH):
        random = np.random.default_rng([shift.seed, start])
        found = change(
            {name: _unchangeable(array) for name, array in raw.items()}, severity, random
        )
        refuse_unlike(raw, found, data)
        for name, place in places.items():
            place[start : start + size(raw)] = found[name]
        start += size(raw)
    return Split(places, split.targets)


def refuse_unlike(raw: Inputs, found: Any, data: TrainingData) -> None:
    """Raises JobFailed where shifted inputs have other names, types, shapes, or no numbers."""
    if not isinstance(found, Mapping) or {*found} != {*raw}:
        given = ", ".join(found) if isinstance(found, Mapping) else type(found).__name__
        raise JobFailed(f"the shift gave {given} for the inputs {', '.join(raw)}")
    for name, array in raw.items():
        new = np.asarray(found[name])
        if (new.dtype, new.shape) != (array.dtype, array.shape):
            raise JobFailed(
                f"the shift gave {name} {new.dtype} {new.shape} for {array.dtype} {array.shape}"
            )
        if new.dtype.kind == "f" and not np.isfinite(new).all():
            raise JobFailed(f"the shift gave {name} with what is no finite number")
        values = data.signature.inputs[name].values
        if values is not None and new.size and not 0 <= new.min() <= new.max() < values:
            raise JobFailed(f"the shift gave {name} beyond 0 to {values - 1}")


def _empty(shape: tuple[int, ...], dtype: np.dtype, path: Path | None) -> Array:
    return np.empty(shape, dtype) if path is None else np.memmap(path, dtype, "w+", shape=shape)


def _unchangeable(array: Array) -> Array:
    """The same values, which nobody can write to: they are the test split's own."""
    view = array.view()
    view.flags.writeable = False
    return view
