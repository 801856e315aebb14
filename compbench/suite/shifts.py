"""The table [shifts] of a suite file -> shifts by their names, and whether a dataset bears them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compbench.contracts import Input, ShiftBase, Signature, kinds
from compbench.errors import UserError, one_line, shown, told
from compbench.registry import registry
from compbench.suite.variants import check_name


@dataclass(frozen=True)
class Shifted:
    """A shift as a suite names it, and the plugin that it is."""

    plugin: str
    shift: ShiftBase

    def described(self) -> dict[str, Any]:
        """As a suite file would write it, defaults included."""
        return {"shift": self.plugin, **self.shift.model_dump(mode="json")}


def read_shifts(tables: Mapping[str, Mapping[str, Any]]) -> dict[str, Shifted]:
    """All of them, in file order: a plugin by its own name, or another one as `shift` says.

    Raises UserError with the table and what is wrong there.
    """
    found: dict[str, Shifted] = {}
    for name, table in tables.items():
        if registry.is_import_path(name):
            raise UserError(
                f"[shifts] '{name}' stands under a name of its own: mine = {{ shift = \"{name}\" }}"
            )
        check_name("shifts", name)
        options = dict(table)
        plugin = options.pop("shift", name)
        if not isinstance(plugin, str):
            raise UserError(
                f"[shifts.{name}] shift = {shown(plugin)} should be a shift's name, or "
                "'package.module:Class'"
            )
        try:
            found[name] = Shifted(plugin, kinds.made_shift(plugin, options))
        except UserError as error:
            raise UserError(f"[shifts.{name}] {error}") from error
    return found


def refuse_misfits(suite: Path, shifts: Mapping[str, Shifted], inputs: Mapping[str, Input]) -> None:
    """Raises UserError where a dataset's inputs can't be shifted as the suite file wants it."""
    for name, one in shifts.items():
        where = f"{suite}: [shifts.{name}] the shift '{one.plugin}'"
        try:
            problem = one.shift.misfit(inputs)
        except Exception as error:  # the plugin's own
            raise UserError(f"{where} fails on these inputs: {told(error)}") from error
        if problem is not None:
            listed = Signature(inputs, 1).listed
            raise UserError(f"{where} {one_line(str(problem), 160)}, but there is {listed}")
