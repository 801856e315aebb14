"""A plugin's class, found and held to what plugins of every kind must keep."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from compbench.errors import UserError, one_line, shown, told
from compbench.registry import registry

Base = TypeVar("Base", bound=BaseModel)


def find(
    kind: registry.Kind, name: str, bases: tuple[type[Base], ...], taken: Iterable[str] = ()
) -> type[Base]:
    """The plugin class called `name`, which is a whole subclass of one of `bases`.

    `taken` are words that a suite file has a use for, so that no option can be called by them.
    Raises UserError with what is wrong with it.
    """
    plugin = registry.find(kind, name)
    if not issubclass(plugin, bases):
        wanted = " or ".join(base.__name__ for base in bases)
        raise UserError(f"'{name}' is not a {wanted}{_another(plugin, bases)}")
    problem = _mistake(plugin, (*taken, *_attributes(bases)))
    if problem:
        raise UserError(f"the {kind} '{name}' {problem}")
    return plugin


def _another(plugin: type, bases: tuple[type, ...]) -> str:
    """The end of a message: the class in the same file that is right, or where the bases are."""
    name = plugin.__module__
    for other in vars(sys.modules[name]).values():
        is_own = isinstance(other, type) and other.__module__ == name
        if is_own and issubclass(other, bases):
            return f"; did you mean '{other.__name__}'?"
    return ", see compbench/contracts"


def _attributes(bases: tuple[type[BaseModel], ...]) -> set[str]:
    """What a plugin says of itself in its class, not as options."""
    return {name for base in bases for name in base.__class_vars__}


def _mistake(plugin: type[BaseModel], taken: tuple[str, ...]) -> str | None:
    for name in plugin.model_fields:
        if name in taken:
            return (
                f"has an option '{name}', a word with a meaning of its own: give the option "
                f"another name, or write {name}: ClassVar[...] where it is meant"
            )
    missing = sorted(getattr(plugin, "__abstractmethods__", ()))
    if missing:
        return f"lacks the method{'s' * (len(missing) > 1)} {', '.join(missing)}"
    return _wrong_default(plugin)


def _wrong_default(plugin: type[BaseModel]) -> str | None:
    """What is wrong with an option's default; options without one are no matter."""
    try:
        plugin()
    except ValidationError as error:
        for one in error.errors(include_url=False):
            if one["type"] != "missing" and one["loc"]:
                place = ".".join(map(str, one["loc"]))
                return (
                    f"has a wrong default: {place} = {shown(one['input'])}: {one_line(one['msg'])}"
                )
    except Exception as error:
        return f"fails on its defaults: {told(error)}"
    return None
