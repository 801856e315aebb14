"""One artifact on one target -> scores on both splits, and parity."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import TaskBase
from compbench.data.splits import Data
from compbench.errors import JobFailed
from compbench.make.shape_check import refuse_misshapen
from compbench.make.store import LOGITS, MODEL, Artifact
from compbench.measure.rows import make_row
from compbench.onnxfile import metadata
from compbench.onnxfile.parity import parity
from compbench.results.row import Row
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.suite.plan import Job

ALONE = 32  # test samples that are also run one by one
KEPT_BYTES = 64 << 20  # of logits that a child's may still be compared with


class Inferences:
    """What files give on targets, each run once: those asked for last, as long as there is room."""

    def __init__(self, worker: Worker, most_bytes: int = KEPT_BYTES):
        self._worker, self._most_bytes = worker, most_bytes
        self._kept: OrderedDict[tuple[str, str], inference.Inferred] = OrderedDict()

    def of(self, artifact: Artifact, name: str, target: Target, *splits: str) -> inference.Inferred:
        """The outputs of an artifact's file on a target, of splits that the worker has."""
        key = artifact.manifest.files[MODEL], name
        found = self._kept.pop(key, None)
        if found is None or not {*splits} <= found.outputs.keys():
            path = str(artifact.path(MODEL))
            found = inference.infer(self._worker, path, target, *splits, alone=ALONE)
        self._kept[key] = found
        while self._bytes() > self._most_bytes:
            self._kept.popitem(last=False)
        return found

    def _bytes(self) -> int:
        kept = (each for found in self._kept.values() for each in found.outputs.values())
        return sum(outputs.nbytes for outputs in kept)


@dataclass(frozen=True)
class Seen:
    """What an artifact is evaluated on; `examples` are the places of test samples to show.

    The worker in which files run has the splits "test" and "validation".
    """

    data: Data
    examples: tuple[int, ...]
    inferences: Inferences


def target_rows(
    job: Job, artifact: Artifact, parent: Artifact | None, seen: Seen, name: str, target: Target
) -> list[Row]:
    """Scores on both splits, and parity on the test split, of the file on a target.

    The reference of parity is the torch module, or another library's model; where there is none,
    the parent's file on the same target; a root's own file has none. Raises JobFailed where such a
    model and its file disagree, or nothing runs.
    """
    data = seen.data
    inferred = seen.inferences.of(artifact, name, target, "test", "validation")
    splits = {
        "score": ("test", data.test),
        "validation_score": ("validation", data.training.validation),
    }
    rows = []
    for metric, (split, samples) in splits.items():
        outputs = inferred.outputs[split]
        refuse_misshapen(outputs.shape, samples.targets, data, "the file")
        scores = scores_of(outputs, samples.targets, data.task, split)
        rows.append(make_row(job, metric, target=name, samples={"score": scores}))
    test = inferred.outputs["test"]
    reference = _reference(job, artifact, parent, seen, name, target)
    if reference is not None:
        found = parity(reference, test, data.task)
        library = getattr(job.variant.technique, "library", "torch")
        complaint = found.complaint(name, target.max_logit_difference, library)
        if job.variant.has_reference and complaint:
            raise JobFailed(complaint)
        if not np.isfinite(found.max_abs_difference):
            raise JobFailed("its outputs are infinite where those that it is compared with are not")
        rows.append(make_row(job, "parity_max_abs", target=name, value=found.max_abs_difference))
        rows.append(make_row(job, "parity_relative", target=name, value=found.relative_difference))
        rows.append(make_row(job, "parity_agreement", target=name, value=found.agreement))
    if inferred.alone is not None:
        alone = data.task.agreement(test[: len(inferred.alone)], inferred.alone)
        rows.append(make_row(job, "batch_agreement", target=name, value=float(alone.mean())))
    rows.append(make_row(job, "placement", target=name, samples=inferred.placement))
    rows += [
        _further_row(job, metric, name, value)
        for metric, value in data.task.further_scores(test, data.test.targets).items()
    ]
    if not data.task.has_classes:
        return rows
    says = metadata.read(artifact.read(MODEL))
    are_probabilities = says.get(metadata.OUTPUT_IS) == metadata.PROBABILITIES
    return rows + _class_rows(job, name, test, seen, are_probabilities)


def scores_of(
    outputs: NDArray[np.float32], targets: NDArray[Any], task: TaskBase, split: str
) -> NDArray[Any]:
    """A task's scores of a split (N,). Raises JobFailed where one is no number, as no mean is."""
    with np.errstate(all="ignore"):  # of infinite outputs, say: what comes of them is told below
        scores = task.scores(outputs, targets)
    odd = np.flatnonzero(~np.isfinite(scores))
    if len(odd):
        raise JobFailed(
            f"{len(odd):,} of {len(scores):,} {split} samples have a score that is not a finite "
            f"number, the first is sample {odd[0]}: {scores[odd[0]]}"
        )
    return scores


def _further_row(job: Job, metric: str, name: str, value: float) -> Row:
    """One of the task's further figures; failed, with the reason, where it is no finite number."""
    if np.isfinite(value):
        return make_row(job, metric, target=name, value=value)
    reason = f"it is {value}, not a finite number"
    return make_row(job, metric, target=name, status="failed", reason=reason)


def _reference(
    job: Job, artifact: Artifact, parent: Artifact | None, seen: Seen, name: str, target: Target
) -> NDArray[np.float32] | None:
    """What the file's outputs on the test split are compared with."""
    if LOGITS in artifact.manifest.files:
        return np.load(io.BytesIO(artifact.read(LOGITS)))
    if not job.variant.parents or job.variant.chooses:
        return None
    if parent is None:
        raise JobFailed("its parent's file is lost: there is nothing to compare it with")
    try:
        return seen.inferences.of(parent, name, target, "test").outputs["test"]
    except JobFailed as error:
        error.args = (f"its parent's file, to compare it with: {error}",)
        raise


def _class_rows(
    job: Job, name: str, logits: NDArray[np.float32], seen: Seen, are_probabilities: bool
) -> list[Row]:
    """What was taken for what, and the logits of the samples that a report shows.

    Of probabilities their logarithms, whose softmax they are.
    """
    wrong = np.flatnonzero(logits.argmax(1) != seen.data.test.targets)
    errors = {
        "index": wrong.astype(np.int32),
        "predicted": logits[wrong].argmax(1).astype(np.uint16),
    }
    shown = logits[list(seen.examples)].astype(np.float32)
    if are_probabilities:
        shown = np.log(np.maximum(shown, np.finfo(np.float32).tiny))
    soft = {"logit": shown.ravel()}
    return [
        make_row(job, "errors", target=name, samples=errors),
        make_row(job, "soft_labels", target=name, samples=soft),
    ]


def failed_scenario_row(job: Job, name: str, kind: str, reason: str) -> Row:
    """Says why there is nothing of a scenario; the other figures of the artifact stand."""
    return make_row(job, f"loadgen_{kind}", target=name, status="failed", reason=reason)
