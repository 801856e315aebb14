"""A family of nets, and the option that names one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, PlainSerializer, ValidationError

from compbench.contracts.data import Shape
from compbench.contracts.options import Options
from compbench.errors import UserError, explain
from compbench.registry import registry

if TYPE_CHECKING:
    from torch import nn


class ModelFamily(Options, ABC):
    """Base of the class `Model` in every file of `models/`."""

    libraries: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def build(self, shape: Shape, classes: int) -> nn.Module:
        """A new module with torch's current random state: images (N, C, H, W) -> logits (N, K)."""


def _model(value: Any) -> Any:
    if isinstance(value, ModelFamily) or value is None:
        return value
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise ValueError('a model is a name ("mlp") or a table ({ name = "mlp", hidden = [64] })')
    options = {key: option for key, option in table.items() if key != "name"}
    try:
        family = registry.find("model", table["name"])
    except UserError as error:
        raise ValueError(str(error)) from error
    if not issubclass(family, ModelFamily):
        raise ValueError(f"'{table['name']}' is not a ModelFamily, see compbench/contracts")
    try:
        return family(**options)
    except ValidationError as error:
        raise ValueError(explain(error, f"'{table['name']}'", family.model_fields)) from error


def _model_name(model: ModelFamily) -> str:
    cls = type(model)
    package, _, file = cls.__module__.rpartition(".")
    return file if package == "compbench.models" else f"{cls.__module__}:{cls.__qualname__}"


def describe_model(model: ModelFamily) -> dict[str, Any]:
    """A model option as a suite file would write it, defaults included."""
    return {"name": _model_name(model), **model.model_dump(mode="json")}


ModelOption = Annotated[
    Any,
    BeforeValidator(_model),
    PlainSerializer(lambda model: None if model is None else describe_model(model)),
]
