"""What a suite file can name: techniques, models, datasets and targets, with their options."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from compbench import registry
from compbench.contracts import TechniqueBase
from compbench.errors import UserError, nearest
from compbench.schema import Schema, options_schema
from compbench.targets import PROVIDERS, Provider, Target

KINDS: dict[str, registry.Kind | None] = {
    "techniques": "technique",
    "models": "model",
    "datasets": "dataset",
    "targets": None,
}
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


@dataclass(frozen=True)
class Entry:
    """What a suite file can name; `problem` is why it can't be used here, and what to install."""

    name: str
    summary: str
    documentation: str = ""
    options: tuple[Option, ...] = ()
    problem: str = ""


def entries(kind: str) -> tuple[Entry, ...]:
    """All of a kind. Raises UserError for an unknown kind."""
    if kind not in KINDS:
        raise UserError(f"there is nothing to list called '{kind}'{nearest(kind, KINDS)}")
    plugin = KINDS[kind]
    if plugin is None:
        return tuple(_provider(name, provider) for name, provider in PROVIDERS.items())
    return tuple(_plugin(plugin, name) for name in registry.names(plugin))


def entry(kind: str, name: str) -> Entry:
    """One of a kind, also by import path. Raises UserError with the nearest name."""
    plugin = KINDS.get(kind)
    if plugin and ":" in name:
        return _described(name, registry.find(plugin, name))
    found = {one.name: one for one in entries(kind)}
    if name not in found:
        what = plugin or "provider"
        raise UserError(f"there is no {what} '{name}'{nearest(name, found)}")
    return found[name]


def options(model: type[BaseModel]) -> tuple[Option, ...]:
    """A model's options, its own before those that it shares with others."""
    schema = options_schema(model)
    own = [name for name in model.model_fields if name in inspect.get_annotations(model)]
    order = dict.fromkeys([*own, *model.model_fields])
    return tuple(_options(schema, order, schema.get("$defs", {})))


def _plugin(kind: registry.Kind, name: str) -> Entry:
    try:
        return _described(name, registry.find(kind, name))
    except UserError as error:
        return Entry(name, "", problem=str(error))


def _described(name: str, plugin: type[BaseModel]) -> Entry:
    documentation = inspect.getdoc(plugin) or ""
    summary = documentation.partition("\n")[0]
    if issubclass(plugin, TechniqueBase):
        least, most = plugin.parents
        documentation += f"\n\nParents: {least if least == most else f'{least} to {most}'}."
    return Entry(name, summary, documentation, options(plugin))


def _provider(name: str, provider: Provider) -> Entry:
    import onnxruntime

    options = (
        "Options that `provider_options` may give it: strings, numbers or booleans."
        if provider.options
        else "It has no provider options."
    )
    lacks = provider.ort_name not in onnxruntime.get_available_providers()
    defaults = dict(provider.defaults)
    if provider.threads_option:
        defaults[provider.threads_option] = "the target's threads"
    return Entry(
        name,
        f"ONNX Runtime's {provider.ort_name}",
        f"ONNX Runtime's {provider.ort_name}. {options}",
        tuple(Option(name, "", defaults.get(name, ""), "", "") for name in provider.options),
        f"not in this ONNX Runtime: it comes with {provider.install}" if lacks else "",
    )


def _options(schema: Schema, names: Any, tables: Schema, prefix: str = "") -> Iterator[Option]:
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


def as_json(kind: str, name: str | None) -> str:
    """Names and summaries, or all of one, as JSON."""
    found = [asdict(one) for one in ([entry(kind, name)] if name else entries(kind))]
    return json.dumps(found[0] if name else found, indent=1, ensure_ascii=False)


def render(kind: str, name: str | None) -> RenderableType:
    """The names of a kind with a line on each; or one of it, with its options."""
    if name:
        return _one(entry(kind, name))
    table = _table(kind.removesuffix("s"), "what it is")
    for one in entries(kind):
        table.add_row(one.name, Text("\n".join(x for x in (one.summary, one.problem) if x)))
    if kind != "targets":
        return table
    title = Text("A target's table in a suite file, `provider` one of these:")
    return Group(table, "", title, "", _option_table(options(Target)))


def _one(found: Entry) -> RenderableType:
    parts = [found.name, found.problem, found.documentation]
    text = Text("\n\n".join(part for part in parts if part))
    return Group(text, "", _option_table(found.options)) if found.options else text


def _option_table(found: tuple[Option, ...]) -> Table:
    names = ["option", "type", "default", "bounds", "description"]
    rows = [[one.name, one.type, one.default, one.bounds, one.description] for one in found]
    used = [i for i in range(len(names)) if i == 0 or any(row[i] for row in rows)]
    table = _table(*(names[i] for i in used))
    table.columns[1].max_width = 24
    for row in rows:
        table.add_row(*(Text(row[i]) for i in used))
    return table


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(names[0], overflow="fold", no_wrap=len(names) > 2)
    for name in names[1:]:
        table.add_column(name, overflow="fold")
    return table
