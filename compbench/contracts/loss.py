"""What a student learns from a teacher, beside targets, and the option that lists such losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, PlainSerializer, ValidationError, WithJsonSchema

from compbench.contracts.data import TrainingData
from compbench.contracts.options import Options
from compbench.contracts.training import Batch
from compbench.errors import UserError, explain, told
from compbench.registry import plugins, registry

if TYPE_CHECKING:
    from torch import Tensor, nn

LOSS_WORDS = ("name",)  # what a loss's table has beside its options


@dataclass(frozen=True)
class Glimpse:
    """What a loss sees of one batch, of the teacher without gradients.

    Outputs are as the task has them (B, …). `layers` has what the layers of each pair gave, the
    teacher's first; `batch` what both were asked.
    """

    teacher: Tensor
    student: Tensor
    batch: Batch
    layers: Sequence[tuple[Tensor, Tensor]] = ()


Compared = Callable[[Glimpse], "Tensor"]  # a batch -> a scalar, the mean over its samples


@dataclass(frozen=True)
class Net:
    """A net, with two samples as its arguments to see what its layers give."""

    module: nn.Module
    example: tuple[Tensor, ...]


class LossBase(Options, ABC):
    """Base of the class `Loss` in every file of `losses/`: how far a student is from its teacher.

    `least` is its value where both are the same net; None where that depends on the samples.
    `uses_targets` says that it looks at those, so that it can't learn from samples without one.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    least: ClassVar[float | None] = 0.0
    uses_targets: ClassVar[bool] = False

    weight: float = Field(default=1.0, gt=0, description="what its value is multiplied with")

    def pairs(self, teacher: Net, student: Net) -> Sequence[tuple[str, str]]:
        """The layers that it compares, by their names in the teacher and the student.

        Raises ValueError with what is wrong with those that were asked for.
        """
        return ()

    @abstractmethod
    def begin(self, first: Glimpse, nets: tuple[Net, Net], data: TrainingData) -> Compared:
        """The loss for one training of a teacher's student, whose batches are like the first.

        A torch module where something of its own is learnt with the student, and thrown away
        afterwards. Raises ValueError with why these two nets, or this task, can't be compared so.
        """


def _loss(value: Any) -> Any:
    if isinstance(value, LossBase):
        return value
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise ValueError('a loss is a name ("soft") or a table ({ name = "soft", weight = 0.7 })')
    name = table["name"]
    options: dict[str, Any] = {k: v for k, v in table.items() if k not in LOSS_WORDS}
    try:
        plugin = loss_class(name)
    except UserError as error:
        raise ValueError(str(error)) from error
    try:
        made = plugin(**options)
        describe_loss(made)
        return made
    except ValidationError as error:
        raise ValueError(explain(error, f"'{name}'", plugin.model_fields)) from error
    except Exception as error:  # the plugin's own
        raise ValueError(f"'{name}' fails on these options: {told(error)}") from error


def loss_class(name: str) -> type[LossBase]:
    """The class of a loss. Raises UserError with what is wrong with it."""
    return plugins.find("loss", name, (LossBase,), LOSS_WORDS)


def describe_loss(loss: LossBase) -> dict[str, Any]:
    """A loss as a suite file would write it, defaults included."""
    return {"name": registry.name_of(type(loss)), **loss.model_dump(mode="json")}


# a loss by its name, or its table
LossOption = Annotated[
    Any,
    BeforeValidator(_loss),
    PlainSerializer(describe_loss),
    WithJsonSchema({"plugin": "loss"}),  # `suite.option_schema` points to where they are
]
