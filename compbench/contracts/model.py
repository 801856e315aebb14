"""The option that names a family of nets, and where a name is looked for."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, PlainSerializer, ValidationError
from pydantic.fields import FieldInfo

from compbench.contracts.family import ModelFamily
from compbench.contracts.own_net import family_of, is_net
from compbench.contracts.technique import TechniqueBase
from compbench.errors import UserError, explain, told
from compbench.registry import plugins, registry

MODEL_WORDS = ("name",)  # what a model's table has beside its options
NET = "net"  # the option of a family that takes names


def _model(value: Any) -> Any:
    if isinstance(value, ModelFamily) or value is None:
        return value
    table = {"name": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or not isinstance(table.get("name"), str):
        raise ValueError('a model is a name ("mlp") or a table ({ name = "mlp", hidden = [64] })')
    options = {key: option for key, option in table.items() if key != "name"}
    try:
        family, named = model_class(table["name"])
    except UserError as error:
        raise ValueError(str(error)) from error
    if named.keys() & options.keys():
        raise ValueError(f"'{table['name']}' names the net already: leave out its option 'net'")
    try:
        model = family(**named, **options)
        describe_model(model)
        return model
    except ValidationError as error:
        raise ValueError(explain(error, f"'{table['name']}'", family.model_fields)) from error
    except Exception as error:  # the plugin's own
        raise ValueError(f"'{table['name']}' fails on these options: {told(error)}") from error


def made_model(table: str | dict[str, Any]) -> ModelFamily:
    """The family that a name, or a table as a suite file has it, means. Raises UserError."""
    try:
        return _model(table)
    except ValueError as error:
        raise UserError(str(error)) from error


def model_class(name: str) -> tuple[type[ModelFamily], dict[str, Any]]:
    """The family that a name or import path means, and the options that the name itself gives.

    "file:NAME" is the net NAME of a family that takes names; "package.module:Class" a family, a
    class of torch modules or a function that returns one. Raises UserError with what is wrong.
    """
    file, colon, net = name.partition(":")
    if colon and file in registry.names("model"):
        family: Any = plugins.find("model", file, (ModelFamily,), MODEL_WORDS)
        if family.takes_names:
            return family, {NET: net}
    if colon:
        found = registry.found("model", name, callable)
        is_family = isinstance(found, type) and issubclass(found, ModelFamily)
        if not is_family and is_net(found):
            return family_of(found, name), {}
    return plugins.find("model", name, (ModelFamily,), MODEL_WORDS), {}


def describe_model(model: ModelFamily) -> dict[str, Any]:
    """A model option as a suite file would write it, defaults included."""
    return {"name": registry.name_of(type(model)), **model.model_dump(mode="json")}


def _named(model: Any) -> Any:
    if model is None:
        raise ValueError("the student must be named")
    return model


_IS_MODEL = BeforeValidator(_model)
# the net that a technique makes, if it is not its parent's; the option may have any name
ModelOption = Annotated[
    Any,
    _IS_MODEL,
    PlainSerializer(lambda model: None if model is None else describe_model(model)),
]

# the same of a technique that always makes one of its own
StudentOption = Annotated[ModelOption, AfterValidator(_named)]


def net_or_parent(model: ModelFamily | None, parent_count: int) -> str | None:
    """What is wrong with a technique that begins from a net of its own or from its parent's."""
    if parent_count and model is not None:
        return "has a parent and a model: remove 'model' to fine-tune the parent"
    if not parent_count and model is None:
        return "needs 'model' (to train from scratch) or 'parent' (to fine-tune)"
    return None


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
