"""`compbench list`: what a suite can name, from techniques to targets."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict, dataclass

from pydantic import BaseModel
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from compbench.cli.option_text import Option, options
from compbench.contracts import ExecutionProvider, TechniqueBase, kinds
from compbench.errors import UserError, nearest
from compbench.registry import registry
from compbench.runtime.target import Target, provider_of

KINDS: dict[str, registry.Kind] = {
    "techniques": "technique",
    "models": "model",
    "datasets": "dataset",
    "tasks": "task",
    "losses": "loss",
    "shifts": "shift",
    "targets": "provider",
}


@dataclass(frozen=True)
class Entry:
    """One thing that a suite file can name, such as the technique `distill`.

    `problem` is why it can't be used here, and what to install.
    """

    name: str
    summary: str
    documentation: str = ""
    options: tuple[Option, ...] = ()
    problem: str = ""


def entries(kind: str) -> tuple[Entry, ...]:
    """All techniques, say, where `kind` is "techniques". Raises UserError for an unknown kind."""
    if kind not in KINDS:
        raise UserError(f"there is nothing to list called '{kind}'{nearest(kind, KINDS)}")
    return tuple(_plugin(KINDS[kind], name) for name in registry.names(KINDS[kind]))


def entry(kind: str, name: str) -> Entry:
    """The technique, say, of this name or import path. Raises UserError with the nearest name."""
    plugin = KINDS.get(kind)
    if plugin and ":" in name:
        return _found(plugin, name)
    found = {one.name: one for one in entries(kind)}
    if name not in found:
        raise UserError(f"there is no {plugin} '{name}'{nearest(name, found)}")
    return found[name]


def _plugin(kind: registry.Kind, name: str) -> Entry:
    try:
        return _found(kind, name)
    except UserError as error:
        return Entry(name, "", problem=str(error))


def _found(kind: registry.Kind, name: str) -> Entry:
    if kind == "provider":
        return _provider(name, provider_of(name))
    return _described(name, kinds.find(kind, name))


def _described(name: str, plugin: type[BaseModel]) -> Entry:
    documentation = inspect.getdoc(plugin) or ""
    summary = documentation.partition("\n")[0]
    if issubclass(plugin, TechniqueBase):
        least, most = plugin.parents
        documentation += f"\n\nParents: {least if least == most else f'{least} to {most}'}."
    return Entry(name, summary, documentation, options(plugin))


def _provider(name: str, provider: ExecutionProvider) -> Entry:
    told = (
        "Options that `provider_options` may give it: strings, numbers or booleans."
        if provider.options
        else "It has no provider options."
    )
    defaults = dict(provider.defaults)
    if provider.threads_option:
        defaults[provider.threads_option] = "the target's threads"
    lacks = f"not in this ONNX Runtime: it comes with {provider.install}"
    return Entry(
        name,
        f"ONNX Runtime's {provider.ort_name}",
        f"ONNX Runtime's {provider.ort_name}. {told}",
        tuple(Option(name, "", defaults.get(name, ""), "", "") for name in provider.options),
        "" if provider.is_available() else lacks,
    )


def as_json(kind: str, name: str | None) -> str:
    """What `render` shows, as JSON."""
    found = [asdict(one) for one in ([entry(kind, name)] if name else entries(kind))]
    return json.dumps(found[0] if name else found, indent=1, ensure_ascii=False)


def render(kind: str, name: str | None) -> RenderableType:
    """All of a kind with a line on each; or the one called `name`, with all its options."""
    if name:
        return _one(entry(kind, name))
    found = entries(kind)
    table = _table("target" if kind == "targets" else KINDS[kind], "what it is")
    for one in found:
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
    if len(used) > 1:  # else there are names alone, as of most providers
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
