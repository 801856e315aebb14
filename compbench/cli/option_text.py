"""The options of a technique, model, dataset or target in words: type, default and bounds."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from compbench.suite.option_schema import Schema, options_schema

_BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "maximum": "≤ {}",
    "exclusiveMaximum": "< {}",
    "minLength": "not empty",
    "minItems": "{} or more",
}


@dataclass(frozen=True)
class Option:
    """An option as a suite file gives it; default and bounds as text, empty where there is none."""

    name: str
    type: str
    default: str
    bounds: str
    description: str


def options(model: type[BaseModel]) -> tuple[Option, ...]:
    """The options of a plugin or table, its own before those that it shares with others."""
    schema = options_schema(model)
    own = [name for name in model.model_fields if name in inspect.get_annotations(model)]
    order = dict.fromkeys([*own, *model.model_fields])
    return tuple(_options(schema, order, schema.get("$defs", {})))


def _options(
    schema: Schema, names: Iterable[str], tables: Schema, prefix: str = ""
) -> Iterator[Option]:
    for name in names:
        field = schema["properties"][name]
        table = tables.get(field.get("$ref", "").rpartition("/")[2])
        if table:
            yield from _options(table, table["properties"], tables, f"{prefix}{name}.")
            continue
        needed = name in schema.get("required", ())
        default = json.dumps(field["default"], ensure_ascii=False) if "default" in field else ""
        yield Option(
            prefix + name,
            _type(field),
            "required" if needed else default,
            ", ".join(_bounds(field)),
            field.get("description", ""),
        )


def _type(field: Schema) -> str:
    if "$ref" in field:
        is_model = field["$ref"].endswith("/model")
        return "a model's name, or a table with its name" if is_model else "table"
    if "anyOf" in field:
        return " or ".join(_type(one) for one in field["anyOf"])
    if "enum" in field or "const" in field:
        return " | ".join(json.dumps(x) for x in field.get("enum", [field.get("const")]))
    kind = field.get("type", "anything")
    inner = field.get("items" if kind == "array" else "additionalProperties")
    many = f" of {_plural(inner)}" if isinstance(inner, dict) else ""
    return {"array": "list", "object": "table"}.get(kind, kind) + many


def _plural(field: Schema) -> str:
    words = _type(field)
    return f"{words}s" if words.isalpha() else words


def _bounds(field: Schema) -> Iterator[str]:
    yield from (text.format(field[key]) for key, text in _BOUNDS.items() if key in field)
    for inner in ("items", "additionalProperties"):
        if isinstance(field.get(inner), dict):
            yield from (f"each {bound}" for bound in _bounds(field[inner]))
