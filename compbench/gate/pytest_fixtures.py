"""What the fixtures give to people's own tests: ONNX files under the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import onnx
import pytest

from compbench.contracts.inputs import Feed, Inputs, first
from compbench.errors import UserError, nearest
from compbench.gate import paired_timing
from compbench.gate.paired_timing import Comparison, Limits
from compbench.gate.prepare import Guard
from compbench.gate.pytest_items import GUARD
from compbench.measure.launch import BATCHES
from compbench.onnxfile import feeding, metadata
from compbench.registry import registry
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target

NOISE_SEED = 0
Given = Inputs | np.ndarray | None  # by name, or the only one


@dataclass(frozen=True)
class Files:
    """Opens and compares files; `guard` is there where pytest was called with --compbench."""

    guard: Guard | None

    @classmethod
    def of(cls, config: pytest.Config) -> Files:
        """Those of a pytest run."""
        return cls(config.stash.get(GUARD, None))

    def session(
        self,
        model: str | PathLike[str],
        target: str | Target | None = None,
        inputs: Given = None,
    ) -> OrtSession:
        """A session with its input bound. Raises UserError, or JobFailed where it does not load."""
        path = self._path(model)
        where = self._target(target)
        session = OrtSession(str(path), where)
        size = where.batch_sizes[0]
        session.bind(first(self._inputs(inputs, path, size), size))
        return session

    def compare(
        self,
        candidate: str | PathLike[str],
        baseline: str | PathLike[str],
        inputs: Given = None,
        target: str | Target | None = None,
        limits: Limits | None = None,
    ) -> Comparison:
        """Both files side by side, as the gate does it: see `paired_timing.time_both`."""
        files = (self._path(candidate), self._path(baseline))
        where = self._target(target)
        given = self._inputs(inputs, files[1], BATCHES * where.batch_sizes[0])
        named = (str(files[0]), str(files[1]))
        return paired_timing.compare(named, where, given, limits or Limits())

    def _path(self, model: str | PathLike[str]) -> Path:
        path = Path(model)
        if path.is_file():
            return path
        if self.guard and str(model) in self.guard.candidate.files:
            return self.guard.candidate.files[str(model)]
        known = self.guard.candidate.files if self.guard else ()
        siblings = [str(other) for other in path.parent.glob("*.onnx")]
        raise UserError(
            f"there is no ONNX file '{model}'{nearest(str(model), [*known, *siblings])}"
        )

    def _target(self, target: str | Target | None) -> Target:
        """A target by its name; without --compbench, an execution provider's name."""
        if isinstance(target, Target):
            return target
        named = self.guard.targets if self.guard else {}
        if target is None:
            return next(iter(named.values()), Target())
        if target in named:
            return named[target]
        providers = registry.names("provider")
        if target in providers:
            return Target(provider=target)
        raise UserError(f"there is no target '{target}'{nearest(target, [*named, *providers])}")

    def _inputs(self, given: Given, path: Path, count: int) -> Inputs:
        """Those given; else the test split's, if there is one; else noise as the file takes it."""
        if isinstance(given, np.ndarray):
            names = raw_names(path)
            if len(names) > 1:
                raise UserError(f"{path} is fed from {', '.join(names)}: give inputs= by name")
            return {names[0]: given}
        if given is not None:
            return given
        if self.guard:
            return self.guard.data.test.first(count)
        random = np.random.default_rng(NOISE_SEED)
        return {
            name: random.normal(size=(shape[0] or count, *shape[1:])).astype(np.float32)
            for name, shape in noise_shapes(path).items()
        }


def raw_names(path: Path) -> list[str]:
    """What a file is fed from: as its metadata says, else its own inputs."""
    model = onnx.load(path, load_external_data=False)
    said = dict.fromkeys(feed.source for feed in metadata.feeds(model))
    return [*said] or [value.name for value in feeding.inputs_of(model)]


def noise_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of what a file is fed from, 0 for a batch of any size. Raises UserError."""
    model = onnx.load(path, load_external_data=False)
    feeds, found = {feed.name: feed for feed in metadata.feeds(model)}, {}
    for value in feeding.inputs_of(model):
        tensor = value.type.tensor_type
        feed = feeds.get(value.name, Feed(value.name, value.name))
        shape = found[feed.source] = tuple(dim.dim_value for dim in tensor.shape.dim)
        is_plain = tensor.elem_type == onnx.TensorProto.FLOAT and feed.layout == "as_stored"
        if not all(shape[1:]) or not is_plain:
            raise UserError(
                f"{path}: its input {value.name} is not float32 of a fixed shape after the batch, "
                "as a dataset has it; give inputs="
            )
    return found
