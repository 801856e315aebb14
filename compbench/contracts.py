"""The base classes of the four things a plugin file can hold, and the data a technique may see.

Every plugin is a frozen pydantic model: its fields are its options in a suite file. Importing a
plugin must be cheap, so plugin files import torch inside their methods.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    NamedTuple,
    Union,
    get_args,
    get_origin,
)

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic.fields import FieldInfo

from compbench import plugins, registry
from compbench.errors import UserError, explain, told

if TYPE_CHECKING:
    from torch import Tensor, nn

    from compbench.fit import Batch
    from compbench.recipe import Recipe

    Loss = Callable[[Tensor, Batch], Tensor]
    AfterStep = Callable[[float], bool]


class Options(BaseModel):
    """Options as a suite file gives them: immutable, and nothing unknown is accepted.

    Defaults are held to the same as what a suite file gives.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _numbers_are_numbers(cls, value: Any, info: ValidationInfo) -> Any:
        """No "10" for 10 and no true for 1: pydantic would convert them without a word."""
        wanted = cls.model_fields[info.field_name or ""].annotation
        kinds = get_args(wanted) if isinstance(wanted, UnionType) else (wanted,)
        wrong = bool if str in kinds else bool | str
        if {int, float} & {*kinds} and isinstance(value, wrong):
            raise ValueError(f"{value!r} should be a number")
        return value


class Shape(NamedTuple):
    """The shape of one image: channels, height and width in pixels."""

    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Split:
    """Samples in memory: images float32 (N, C, H, W), normalised; labels int64 (N,)."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class TrainingData:
    """All the data a technique can see. There is no test split here, so none can leak."""

    train: Split
    validation: Split
    classes: int

    @property
    def shape(self) -> Shape:
        """The shape of one image."""
        return Shape(*self.train.images.shape[1:])


class Samples(NamedTuple):
    """What a dataset file loads: raw pixels uint8 (N, C, H, W), labels (N,) of any integer type.

    Labels are 0 to classes - 1, and become int64. Each class needs samples enough for a part in
    every split that is cut from these. `test_images` and `test_labels` are None where the source
    has no test split of its own; one that it has may lack a class.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    test_images: NDArray[np.uint8] | None = None
    test_labels: NDArray[np.int64] | None = None


class DatasetSource(Options, ABC):
    """Base of the class `Dataset` in every file of `datasets/`.

    A suite file only names a dataset, so each of its options needs a default.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    classes: ClassVar[int]

    @abstractmethod
    def fingerprint(self, data_dir: Path) -> str | None:
        """A digest of the source's content, without torch or network; None where it is absent."""

    @abstractmethod
    def load(self, data_dir: Path) -> Samples:
        """Read the samples, downloading them where they are absent and can be."""


class ModelFamily(Options, ABC):
    """Base of the class `Model` in every file of `models/`."""

    libraries: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def build(self, shape: Shape, classes: int) -> nn.Module:
        """A new module with torch's current random state: images (N, C, H, W) -> logits (N, K)."""


MODEL_WORDS = ("name",)  # what a model's table has beside its options


def _model(value: Any) -> Any:
    if isinstance(value, ModelFamily) or value is None:
        return value
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise ValueError('a model is a name ("mlp") or a table ({ name = "mlp", hidden = [64] })')
    options = {key: option for key, option in table.items() if key != "name"}
    try:
        family: Any = plugins.find("model", table["name"], (ModelFamily,), MODEL_WORDS)
    except UserError as error:
        raise ValueError(str(error)) from error
    try:
        model = family(**options)
        describe_model(model)
        return model
    except ValidationError as error:
        raise ValueError(explain(error, f"'{table['name']}'", family.model_fields)) from error
    except Exception as error:  # the plugin's own
        raise ValueError(f"'{table['name']}' fails on these options: {told(error)}") from error


def describe_model(model: ModelFamily) -> dict[str, Any]:
    """A model option as a suite file would write it, defaults included."""
    return {"name": registry.name_of(type(model)), **model.model_dump(mode="json")}


_IS_MODEL = BeforeValidator(_model)
# the net that a technique makes, if it is not its parent's; the option may have any name
ModelOption = Annotated[
    Any,
    _IS_MODEL,
    PlainSerializer(lambda model: None if model is None else describe_model(model)),
]


def model_options(plugin: type[BaseModel]) -> tuple[str, ...]:
    """The names of the options that take a net: those of type `ModelOption`, also with `| None`."""
    return tuple(name for name, field in plugin.model_fields.items() if _takes_model(field))


def takes_several_models(plugin: type[BaseModel]) -> str | None:
    """The first option that takes nets in a list or a table, which no technique can make."""
    for name, field in plugin.model_fields.items():
        if not _takes_model(field) and any(map(_is_model, _within(field.annotation))):
            return name
    return None


def own_model(technique: TechniqueBase) -> ModelFamily | None:
    """The net that a technique makes where it does not begin from its parent's."""
    found = [getattr(technique, name) for name in model_options(type(technique))]
    return next((model for model in found if model is not None), None)


def _takes_model(field: FieldInfo) -> bool:
    alternatives = (
        get_args(field.annotation) if get_origin(field.annotation) in (Union, UnionType) else ()
    )
    return _IS_MODEL in field.metadata or any(map(_is_model, alternatives))


def _is_model(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated and _IS_MODEL in annotation.__metadata__


def _within(annotation: Any) -> list[Any]:
    """An annotation and all that it is composed of."""
    inner = [part for one in get_args(annotation) for part in _within(one)]
    return [annotation, *inner]


@dataclass(frozen=True)
class NullCase:
    """Options with which a technique must do nothing, and what its result must then equal.

    `equals` is "parent" (the parent's logits) or the name of the technique that, given `like`
    as its options, makes the same weights, or the same file, bit for bit.
    """

    options: dict[str, Any]
    equals: str = "parent"
    like: dict[str, Any] | None = None


class Trainer(ABC):
    """The training loop as a technique sees it; `fit.Fit` is the one there is."""

    @abstractmethod
    def __call__(
        self,
        model: nn.Module,
        recipe: Recipe,
        loss: Loss | None = None,
        after_step: AfterStep | None = None,
    ) -> nn.Module:
        """Train `model` in place by `recipe`; cross-entropy where no loss is given.

        `after_step` is called after each optimiser step with the share of steps done (0 to 1], and
        says whether the model has its final form by then (all its zeros, say): only epochs that end
        so can be the best one. The last step must say yes.
        """

    @abstractmethod
    def outputs(self, model: nn.Module, images: Tensor) -> Tensor:
        """The logits (N, K) of a model in evaluation mode, without gradients."""

    @abstractmethod
    def note(self, text: str) -> None:
        """Say what the user must know of this job, such as the layers left as they were, and why.

        It is told while the job is made, and kept in the artifact's manifest.
        """


class TechniqueBase(Options, ABC):
    """What all techniques share: how many parents, which libraries, the null case.

    `quantizes` says that it makes numbers narrower, which is done once in a lineage. `leaves` is
    what it leaves in the weights, in words; `undoes` is what it destroys of that in its parent.
    """

    parents: ClassVar[tuple[int, int]] = (1, 1)
    libraries: ClassVar[tuple[str, ...]] = ()
    quantizes: ClassVar[bool] = False
    leaves: ClassVar[str] = ""
    undoes: ClassVar[tuple[str, ...]] = ()
    null_case: ClassVar[NullCase]

    def problem(self, parent_count: int) -> str | None:
        """What is wrong with this technique on so many parents, or None."""
        least, most = self.parents
        if least <= parent_count <= most:
            return None
        wanted = f"{least}" if least == most else f"{least} to {most}"
        return f"needs {wanted} parent{'s' * (most != 1)}, got {parent_count}"


class TorchTechnique(TechniqueBase):
    """Base of a class `Technique` that makes a torch module from torch modules."""

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


class OnnxTechnique(TechniqueBase):
    """Base of a class `Technique` that rewrites an ONNX file into another."""

    @abstractmethod
    def rewrite(self, parent: bytes, data: TrainingData) -> bytes:
        """The bytes of the new ONNX file."""
