"""A class of torch modules, or a function that returns one, as a family of nets.

Nothing of compbench is needed in the user's file: its keyword arguments are the options.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, create_model

from compbench.contracts.family import ModelFamily
from compbench.contracts.inputs import Signature
from compbench.errors import UserError

# arguments that compbench gives where a suite does not: how many outputs the last axis has
COUNTS = ("outputs", "num_classes", "classes", "n_classes")
SIGNATURE = "signature"
_PLAIN = (bool, int, float, str, NoneType)
_COMPOSED = (list, tuple, dict, Union, UnionType, Literal)


class OwnNet(ModelFamily):
    """The base of the families that are made here; each field is a keyword argument of `maker`."""

    maker: ClassVar[Callable[..., Any]]
    given: ClassVar[tuple[str, ...]] = ()

    def build(self, signature: Signature) -> Any:
        """What the class or the function gives."""
        arguments = {name: getattr(self, name) for name in type(self).model_fields}
        arguments |= self.model_extra or {}
        for name in self.given:
            if name == SIGNATURE:
                arguments[name] = signature
            elif arguments[name] is None:
                arguments[name] = signature.outputs
        return type(self).maker(**arguments)


def is_net(found: Any) -> bool:
    """Whether it is a class of torch modules, or a function; torch is not imported to know."""
    if not inspect.isclass(found):
        return callable(found)
    torch = sys.modules.get("torch")
    return torch is not None and issubclass(found, torch.nn.Module)


@lru_cache
def family_of(maker: Callable[..., Any], path: str) -> type[OwnNet]:
    """The family of the nets that a class or function makes, which an import path leads to.

    Options are the arguments that a suite file can give: those called as no other word of a family
    is, whose default, where there is one, a suite file could write. The others keep their defaults.
    Raises UserError where one without a default can't be given.
    """
    parameters = list(inspect.signature(maker).parameters.values())
    hints = _hints(maker)
    fields: dict[str, Any] = {}
    given = []
    for parameter in parameters:
        name = parameter.name
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name == SIGNATURE:
            given.append(name)
            continue
        problem = _not_an_option(parameter)
        if problem and parameter.default is not parameter.empty:
            continue
        if problem:
            raise UserError(f"the model '{path}' needs an argument '{name}', {problem}")
        if name in COUNTS:
            given.append(name)
            default = None if parameter.default is parameter.empty else parameter.default
            default = None if isinstance(default, int) else default
            fields[name] = (Any, Field(default=default, description="given where it is not set"))
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        kind = _kind(hints.get(name, Any), default)
        fields[name] = (kind, Field(default, description=f"its argument {name}"))
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    return _made(maker, path, fields, (*given,), takes_any)


def _made(
    maker: Callable[..., Any],
    path: str,
    fields: dict[str, Any],
    given: tuple[str, ...],
    takes_any: bool,
) -> type[OwnNet]:
    module, _, name = path.partition(":")
    base = OwnNet
    if takes_any:

        class Open(OwnNet):
            model_config = ConfigDict(extra="allow")

        base = Open
    made = create_model(name, __base__=base, __module__=module, __doc__=maker.__doc__, **fields)
    made.__qualname__ = name
    made.maker, made.given = staticmethod(maker), given
    return made


def _not_an_option(parameter: inspect.Parameter) -> str | None:
    """Why a suite file can't give an argument; None where it can."""
    name = parameter.name
    if parameter.kind is parameter.POSITIONAL_ONLY:
        return "which has no keyword"
    if name == "name" or name.startswith("_") or hasattr(OwnNet, name):
        return "a word with a meaning of its own: give it another name"
    if parameter.default is not parameter.empty and not _is_plain(parameter.default):
        return "which no suite file can write"
    return None


def _is_plain(value: Any) -> bool:
    """Whether a suite file could say it."""
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and _is_plain(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return type(value) in _PLAIN


def _hints(maker: Callable[..., Any]) -> dict[str, Any]:
    maker = getattr(maker, "func", maker)  # of a functools.partial
    function = maker.__init__ if inspect.isclass(maker) else maker
    try:
        return get_type_hints(function)
    except Exception:  # of a name that is there for type checkers only: nothing is checked
        return {}


def _kind(hint: Any, default: Any) -> Any:
    """The type that an option is held to: as it is written, where that is of plain values."""
    if not _is_plain_hint(hint):
        return tuple if isinstance(default, tuple) else Any
    if default is not ...:
        try:
            TypeAdapter(hint).validate_python(default)
        except Exception:  # size: int = None
            return Any
    return hint


def _is_plain_hint(hint: Any) -> bool:
    if hint in _PLAIN or hint is Ellipsis or hint in (list, tuple, dict):
        return True
    if get_origin(hint) is Literal:
        return True
    return get_origin(hint) in _COMPOSED and all(map(_is_plain_hint, get_args(hint)))
