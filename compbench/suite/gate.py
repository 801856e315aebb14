"""The `[gate]` table of a suite file: the options of all gate checks, each field a check's own."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import AliasChoices, ValidationError, create_model

from compbench.contracts import Options
from compbench.errors import UserError, explain, shown
from compbench.headline import Headline
from compbench.registry import registry

_DOCUMENTATION = (
    "What a candidate may lose against a baseline before its gate fails (docs/gate.md)."
)


def checks() -> tuple[Any, ...]:
    """The classes of all gate checks, in the order in which they are told."""
    found = [registry.find("check", name) for name in registry.names("check")]
    return tuple(sorted(found, key=lambda check: check.order))


def gate_model() -> type[Options]:
    """The model of the table. Raises UserError where two checks have a field of one name."""
    return _model(checks())


def limits(table: Any) -> Options:
    """The table as it was read, checked. Raises UserError with what is wrong in it."""
    model = gate_model()
    if not isinstance(table, dict):
        raise UserError(f"[gate] = {shown(table)} should be a table")
    try:
        return model(**table)
    except ValidationError as error:
        raise UserError(explain(error, "[gate]", model.model_fields)) from error


def old_names() -> dict[str, str]:
    """Old name -> today's, of limits that were called otherwise once, and are still read so."""
    return {
        str(old): name
        for name, field in gate_model().model_fields.items()
        if isinstance(field.validation_alias, AliasChoices)
        for old in field.validation_alias.choices
        if old != name
    }


def refuse_unlike(limits: Options, headline: Headline) -> None:
    """Raises UserError where a limit can't be one of a task with this metric."""
    try:
        for check in checks():
            check(**{n: getattr(limits, n) for n in check.model_fields}).refuse_unlike(headline)
    except ValueError as error:
        raise UserError(f"[gate]: {error}") from error


@lru_cache
def _model(checks: tuple[Any, ...]) -> type[Options]:
    fields: dict[str, Any] = {}
    for check in checks:
        for name, field in check.model_fields.items():
            if name in fields:
                raise UserError(f"two gate checks have a limit '{name}': rename one of them")
            fields[name] = (field.annotation, field)
    return create_model("Gate", __base__=Options, __doc__=_DOCUMENTATION, **fields)
