"""The base classes of techniques, and the case in which one must do nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from compbench.contracts.data import TrainingData
from compbench.contracts.inputs import Inputs
from compbench.contracts.options import Options
from compbench.contracts.task import TaskBase
from compbench.contracts.training import Trainer

if TYPE_CHECKING:
    from torch import nn

    from compbench.headline import Headline


# a path as a suite file has it -> where it is; raises UserError where it is nowhere
Locate = Callable[[str], Path]


@dataclass(frozen=True)
class NullCase:
    """Options with which a technique must do nothing, and what its result must then equal.

    `equals` is "parent" (the parent's logits) or the name of the technique that, given `like`
    as its options, makes the same weights, or the same file, bit for bit.
    """

    options: dict[str, Any]
    equals: str = "parent"
    like: dict[str, Any] | None = None


class TechniqueBase(Options, ABC):
    """What all techniques share: how many parents, which libraries, the null case.

    `quantizes` says that it makes numbers narrower, which is done once in a lineage. `leaves` is
    what it leaves in the weights, in words; `undoes` is what it destroys of that in its parent.

    Tables and pictures know a technique by what it says here. `family` is what it did, in a word or
    two ("pruned"); where it says none, its module's name. `teaches` says that its first parent is a
    teacher of another net, not what this one was made from; `taught_by` is who taught a net that
    has no such parent, in a word. `scheme` says how it stores numbers,
    with its options in braces ("weights in {bits} bits").
    """

    parents: ClassVar[tuple[int, int]] = (1, 1)
    libraries: ClassVar[tuple[str, ...]] = ()
    family: ClassVar[str] = ""
    teaches: ClassVar[bool] = False
    taught_by: ClassVar[str] = ""
    scheme: ClassVar[str] = ""
    quantizes: ClassVar[bool] = False
    leaves: ClassVar[str] = ""
    undoes: ClassVar[tuple[str, ...]] = ()
    null_case: ClassVar[NullCase]

    @classmethod
    def says(cls) -> dict[str, Any]:
        """What a run records of it, so that a report needs no technique: a name -> a JSON value."""
        family = cls.family or cls.__module__.rpartition(".")[2]
        says = {"family": family, "teaches": cls.teaches, "scheme": cls.scheme}
        return {**says, "taught_by": cls.taught_by} if cls.taught_by else says

    def content(self, locate: Locate) -> Mapping[str, str]:
        """Digests of what it reads from files that a suite names, by their names there.

        They are part of a job's key, as options alone are not enough. `locate` finds such a file.
        """
        return {}

    def problem(self, parent_count: int) -> str | None:
        """What is wrong with this technique on so many parents, or None."""
        least, most = self.parents
        if least <= parent_count <= most:
            return None
        wanted = f"{least}" if least == most else f"{least} to {most}"
        return f"needs {wanted} parent{'s' * (most != 1)}, got {parent_count}"

    def problem_on(self, task: TaskBase) -> str | None:
        """What is wrong with this technique on a task, or None: that it "needs" something."""
        return None

    def problem_with(self, data: TrainingData) -> str | None:
        """What is wrong with it on data of such a task, or None.

        It is asked before anything of a run is made, so that what fails at last is told at first.
        """
        return None


class TorchTechnique(TechniqueBase):
    """Base of a class `Technique` that makes a torch module from torch modules.

    `rehearses` says that without epochs, on a few samples, it costs next to nothing: it is tried so
    before its parents are trained, and what it complains of is told then.
    """

    rehearses: ClassVar[bool] = False

    @abstractmethod
    def build(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> nn.Module:
        """A new module; the parents are in evaluation mode and must not be changed."""


class LoweringTechnique(TechniqueBase):
    """Base of a class `Technique` that trains torch modules into an ONNX file.

    No torch module stands behind that file: only ONNX techniques can follow.
    """

    @abstractmethod
    def lower(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> bytes:
        """The bytes of the ONNX file; the parents are in evaluation mode, not to be changed."""


@dataclass(frozen=True)
class Predictor:
    """A model of another library: its ONNX file, and what the library itself gives.

    `outputs` takes raw inputs (N, …) and gives the task's outputs (N, …) in float32. It is asked
    for the test samples, on which the file must give the same.
    """

    file: bytes
    outputs: Callable[[Inputs], NDArray[np.float32]]


class PredictorTechnique(TechniqueBase):
    """Base of a class `Technique` that learns a model of another library, and writes it as ONNX.

    No torch module stands behind that file: only ONNX techniques can follow. Parents are teachers:
    they are run, and any file can be one; with parents it `teaches`. `learner` is what it makes, in
    a word: one with a teacher and one without are compared where both say the same. `library` is
    whose own outputs the file is held to.
    """

    learner: ClassVar[str] = ""
    library: ClassVar[str] = ""

    @classmethod
    def says(cls) -> dict[str, Any]:
        """Also the library."""
        return {**super().says(), "library": cls.library}

    @abstractmethod
    def learn(self, parents: Sequence[nn.Module], data: TrainingData, fit: Trainer) -> Predictor:
        """The model; `fit.outputs` asks a parent, `fit.tell` says how far it is.

        Raises ValueError with what it can't do, in one line.
        """


class RootTechnique(TechniqueBase):
    """Base of a class `Technique` that brings a model that exists already, and trains nothing.

    Where it has a net of its own (an option of type `ModelOption` that is given) it brings that net
    with its weights; else an ONNX file, behind which no torch module stands.
    """

    parents: ClassVar[tuple[int, int]] = (0, 0)
    null_case: ClassVar[NullCase] = NullCase({})

    @abstractmethod
    def load(
        self, locate: Locate, data: TrainingData, note: Callable[[str], None]
    ) -> nn.Module | bytes:
        """The module, or the bytes of an ONNX file; `note` says what the user must know of it.

        Raises ValueError with what is wrong with the file, in one line.
        """


class ChoosingTechnique(TechniqueBase):
    """Base of a class `Technique` that makes nothing: it takes one of its parents as it is.

    It sees all seeds of the suite, so that the same parent is taken at each.
    """

    chooses: ClassVar[bool] = True
    null_case: ClassVar[NullCase] = NullCase({})

    @classmethod
    def says(cls) -> dict[str, Any]:
        """Also that it chooses."""
        return {**super().says(), "chooses": True}

    @abstractmethod
    def choose(self, validation: Sequence[Sequence[float]], headline: Headline) -> int:
        """The place of the parent that is taken: by parent and seed, the metric on validation."""


class OnnxTechnique(TechniqueBase):
    """Base of a class `Technique` that rewrites an ONNX file into another."""

    @abstractmethod
    def rewrite(self, parent: bytes, data: TrainingData) -> bytes:
        """The bytes of the new ONNX file."""
