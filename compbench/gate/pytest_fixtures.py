"""What the fixtures give to people's own tests: ONNX files under the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
import onnx
import pytest

from compbench.errors import UserError, nearest
from compbench.gate import paired_timing
from compbench.gate.paired_timing import Comparison, Limits
from compbench.gate.prepare import Guard
from compbench.gate.pytest_items import GUARD
from compbench.measure.launch import BATCHES
from compbench.registry import registry
from compbench.runtime.session import Images, OrtSession
from compbench.runtime.target import Target

NOISE_SEED = 0


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
        images: Images | None = None,
    ) -> OrtSession:
        """A session with its input bound. Raises UserError, or JobFailed where it does not load."""
        path = self._path(model)
        where = self._target(target)
        session = OrtSession(str(path), where)
        size = where.batch_sizes[0]
        session.bind(images if images is not None else self._images(path, size)[:size])
        return session

    def compare(
        self,
        candidate: str | PathLike[str],
        baseline: str | PathLike[str],
        images: Images | None = None,
        target: str | Target | None = None,
        limits: Limits | None = None,
    ) -> Comparison:
        """Both files side by side, as the gate does it: see `paired_timing.time_both`."""
        files = (self._path(candidate), self._path(baseline))
        where = self._target(target)
        if images is None:
            images = self._images(files[1], BATCHES * where.batch_sizes[0])
        named = (str(files[0]), str(files[1]))
        return paired_timing.compare(named, where, images, limits or Limits())

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

    def _images(self, path: Path, count: int) -> Images:
        """The test split's images where there is one; else noise of the shape the file takes."""
        if self.guard:
            return self.guard.test.images
        shape = input_shape(path)
        random = np.random.default_rng(NOISE_SEED)
        return random.normal(size=(shape[0] or count, *shape[1:])).astype(np.float32)


def input_shape(path: Path) -> tuple[int, ...]:
    """The shape of the file's input, 0 for a batch of any size. Raises UserError."""
    graph = onnx.load(path, load_external_data=False).graph
    weights = {initializer.name for initializer in graph.initializer}
    given = next(value for value in graph.input if value.name not in weights)
    shape = tuple(dim.dim_value for dim in given.type.tensor_type.shape.dim)
    if not all(shape[1:]):
        raise UserError(f"{path}: its input has no fixed shape after the batch; give images=")
    return shape
