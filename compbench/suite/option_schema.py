"""The options of a plugin -> their JSON schema."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from compbench.contracts import model_options

Schema = dict[str, Any]


def options_schema(model: type[BaseModel]) -> Schema:
    """A model's options as JSON schema; where a plugin is asked for it points to its kind."""
    schema = model.model_json_schema(ref_template="#/$defs/{model}")
    for name in model_options(model):
        kept = {k: v for k, v in schema["properties"][name].items() if k == "description"}
        schema["properties"][name] = {"$ref": "#/$defs/model", **kept}
    return _plain(schema)


def _plain(schema: Any) -> Any:
    """Without what says nothing of a TOML file: titles, null (TOML has none), tables' defaults."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema if item != {"type": "null"}]
    if not isinstance(schema, dict):
        return schema
    if schema.keys() == {"plugin"}:
        return {"$ref": f"#/$defs/{schema['plugin']}"}
    plain = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            plain[key] = {name: _plain(inner) for name, inner in value.items()}
        elif key != "title" and not (key == "default" and isinstance(value, dict | None)):
            plain[key] = _plain(value)
    if len(plain.get("anyOf", ())) == 1:
        plain |= plain.pop("anyOf")[0]
    return plain
