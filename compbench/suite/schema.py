"""The JSON schema of suite files, for editors."""

from __future__ import annotations

import json

from compbench.errors import UserError
from compbench.registry import registry
from compbench.runtime.target import provider_of
from compbench.suite.gate import gate_model
from compbench.suite.option_schema import Schema, options_schema
from compbench.suite.read import _File
from compbench.suite.sweeps import SWEEP
from compbench.suite.variants import NAME

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_IMPORT_PATH = {"type": "string", "pattern": r"^[\w.]+:\w+$", "description": "package.module:Class"}
_NAMES = {"propertyNames": {"pattern": f"^{NAME.pattern}$"}}
_PARENTS = {
    "parent": {"type": "string", "description": "the variant it starts from or learns from"},
    "parents": {
        "type": "array",
        "items": {"type": "string"},
        "description": "the variants it starts from or learns from",
    },
}
_SWEEP = {
    "type": "object",
    "properties": {SWEEP: {"type": "array", "minItems": 1, "uniqueItems": True}},
    "required": [SWEEP],
    "additionalProperties": False,
    "description": "values: each is a variant of its own",
}


def suite_schema() -> Schema:
    """The schema of a suite file, draft 2020-12. What names a variant is not checked by it."""
    schema = options_schema(_File)
    definitions = schema.pop("$defs", {})
    for kind in ("technique", "model", "dataset", "task", "loss", "shift"):
        for name in registry.names(kind):
            definitions[f"{kind}.{name}"] = _plugin(kind, name, definitions)
    definitions["Gate"] = options_schema(gate_model())
    definitions["Sweep"] = _SWEEP
    definitions["technique"] = _choice("technique", "technique")
    for kind in ("model", "dataset", "task", "loss"):
        definitions[kind] = _choice(kind, "name")
    _refine_target(definitions["Target"])
    properties = schema["properties"]
    properties["seeds"]["uniqueItems"] = True
    properties["dataset"] = {"$ref": "#/$defs/dataset", "default": "digits"}
    properties["task"] = {"$ref": "#/$defs/task", "description": "the dataset's own, if not given"}
    properties["variants"] = {
        "type": "object",
        "minProperties": 1,
        **_NAMES,
        "additionalProperties": {"$ref": "#/$defs/technique"},
        "description": "named models, parents above their children",
    }
    properties["targets"] |= _NAMES
    properties["shifts"] = _shifts()
    properties["gate"] = {"$ref": "#/$defs/Gate"}
    title = {"$schema": DRAFT, "title": "a suite of compbench"}
    return {**title, **schema, "$defs": dict(sorted(definitions.items()))}


def as_text() -> str:
    """`suite_schema` as docs/suite.schema.json has it."""
    return json.dumps(suite_schema(), indent=1, ensure_ascii=False) + "\n"


def _plugin(kind: registry.Kind, name: str, definitions: Schema) -> Schema:
    """A plugin's table; any options where its library is missing, so that they can't be read."""
    mark = kind if kind in ("technique", "shift") else "name"
    own = {mark: {"const": name}}
    try:
        plugin = registry.find(kind, name)
    except UserError as error:
        return {"type": "object", "properties": own, "required": [mark], "description": str(error)}
    schema = options_schema(plugin)
    definitions |= schema.pop("$defs", {})
    options = schema.get("properties", {})
    if kind == "technique":
        options = {**_PARENTS, **{name: _or_swept(one) for name, one in options.items()}}
    schema["properties"] = {**own, **options}
    schema["required"] = [*([] if kind == "shift" else [mark]), *schema.get("required", ())]
    return schema | (_counted(schema, *plugin.parents) if kind == "technique" else {})


def _or_swept(option: Schema) -> Schema:
    """An option, or several values of it; what editors show stands outside of both."""
    told = {key: option[key] for key in ("description", "default") if key in option}
    return {**told, "anyOf": [option, {"$ref": "#/$defs/Sweep"}]}


def _counted(schema: Schema, least: int, most: int) -> Schema:
    """How many parents there must be: `parent` for one, or the list `parents`, never both."""
    several = schema["properties"]["parents"] | {"minItems": least, "maxItems": most}
    names = ("parent", "parents")
    if most == 0:
        kept = {k: v for k, v in schema["properties"].items() if k not in names}
        return {"properties": kept}
    one = [{"required": ["parent"]}] if least <= 1 else []
    given = [*one, {"required": ["parents"]}]
    none = [{"not": {"anyOf": given}}] if least == 0 else []
    return {"properties": schema["properties"] | {"parents": several}, "oneOf": given + none}


def _named(kind: registry.Kind) -> Schema:
    """A plugin by its name or by an import path."""
    return {"anyOf": [{"enum": list(registry.names(kind))}, _IMPORT_PATH]}


def _choice(kind: registry.Kind, mark: str) -> Schema:
    """A plugin's table, told apart by its name; others may be given by their name alone."""
    names = registry.names(kind)
    extra = _PARENTS if kind == "technique" else {}
    references = [{"$ref": f"#/$defs/{kind}.{name}"} for name in names]
    table = {
        "type": "object",
        "properties": {mark: _named(kind), **extra},
        "required": [mark],
        "allOf": [
            {"if": {"properties": {mark: {"const": name}}, "required": [mark]}, "then": reference}
            for name, reference in zip(names, references, strict=True)
        ],
    }
    if kind != "technique":
        table = {"if": {"type": "string"}, "then": _named(kind), "else": table}
    # `{}` takes all, so this refuses nothing: editors complete from `anyOf`, not from `then`
    return table | {"anyOf": [*references, {}]}


def _shifts() -> Schema:
    """A table for each, called by its shift, which needs no other name then."""
    names = registry.names("shift")
    others = {
        "type": "object",
        "properties": {"shift": _named("shift")},
        "required": ["shift"],
        "allOf": [
            {
                "if": {"properties": {"shift": {"const": name}}, "required": ["shift"]},
                "then": {"$ref": f"#/$defs/shift.{name}"},
            }
            for name in names
        ],
    }
    own = {
        name: {
            "if": {"required": ["shift"]},
            "then": others,
            "else": {"$ref": f"#/$defs/shift.{name}"},
        }
        for name in names
    }
    return {
        "type": "object",
        **_NAMES,
        "properties": own,
        "additionalProperties": others,
        "description": "how all are tried on test samples that differ from those of training",
    }


def _refine_target(target: Schema) -> None:
    """Only the providers there are, each with the options it has."""
    target["properties"]["provider"] |= _named("provider")
    target["allOf"] = [
        {
            "if": {
                "properties": {"provider": {"const": name}},
                "required": [] if name == "cpu" else ["provider"],
            },
            "then": {
                "properties": {
                    "provider_options": {"propertyNames": {"enum": [*provider_of(name).options]}}
                }
            },
        }
        for name in registry.names("provider")
    ]
