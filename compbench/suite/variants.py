"""The tables [variants.*] of a suite file -> variants, each with its technique and parents."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from compbench.contracts import (
    ChoosingTechnique,
    LoweringTechnique,
    ModelFamily,
    PredictorTechnique,
    RootTechnique,
    TechniqueBase,
    TorchTechnique,
    kinds,
    model_options,
    own_model,
)
from compbench.errors import UserError, explain, nearest, one_line, shown, told
from compbench.registry import registry
from compbench.suite.sweeps import Point, expanded

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Variant:
    """A named model of the suite: a technique with its options, applied to its parents."""

    name: str
    technique_name: str
    technique: TechniqueBase
    parents: tuple[str, ...]
    root_model: ModelFamily | None  # what a checkpoint of this lineage is loaded into, if any
    point: Point | None = None  # of a sweep

    @property
    def is_torch(self) -> bool:
        """Whether a torch module stands behind the ONNX file."""
        if self.chooses:
            return self.root_model is not None
        return isinstance(self.technique, TorchTechnique) or self._brings_a_module

    @property
    def chooses(self) -> bool:
        """Whether it is one of its parents as it is, the same at all seeds."""
        return isinstance(self.technique, ChoosingTechnique)

    @property
    def uses_torch(self) -> bool:
        """Whether it is made from torch modules, whatever stands behind its own file."""
        kinds_of_files = (LoweringTechnique, PredictorTechnique)
        return isinstance(self.technique, kinds_of_files) or self.is_torch

    @property
    def has_reference(self) -> bool:
        """Whether outputs are kept that its file must give: torch's, or another library's."""
        return self.is_torch or isinstance(self.technique, PredictorTechnique)

    @property
    def is_new(self) -> bool:
        """Whether its model is its own: no step of its parents' lineages is one of its."""
        is_predictor = isinstance(self.technique, PredictorTechnique)
        return is_predictor or own_model(self.technique) is not None

    @property
    def listens(self) -> bool:
        """Whether its parents are only run, as teachers: any file can be one."""
        return self.technique.teaches and self.is_new

    @property
    def _brings_a_module(self) -> bool:
        return isinstance(self.technique, RootTechnique) and own_model(self.technique) is not None


def read_variants(tables: dict[str, dict[str, Any]]) -> dict[str, Variant]:
    """All variants, in file order; of a sweep its points. Raises UserError, with the table."""
    for name in tables:
        check_name("variants", name)
    found = expanded(tables)
    variants: dict[str, Variant] = {}
    for name, table in found.tables.items():
        one = _variant(name, dict(table), variants, list(found.tables))
        variants[name] = replace(one, point=found.points.get(name))
    return variants


def check_name(table: str, name: str) -> None:
    """Raises UserError where a name could not be part of a file's."""
    if not NAME.fullmatch(name):
        raise UserError(
            f"[{table}.{one_line(repr(name), 80)}] a name has letters, digits, '_' and '-' only, "
            "64 at most"
        )


def _variant(
    name: str, table: dict[str, Any], above: dict[str, Variant], all_names: list[str]
) -> Variant:
    where = f"[variants.{name}]"
    check_name("variants", name)
    technique_name = table.pop("technique", None)
    if not isinstance(technique_name, str):
        raise UserError(f"{where} needs 'technique'{nearest('', registry.names('technique'))}")
    parents = _parents(where, table, above, all_names)
    technique = _technique(where, technique_name, table)
    problem = _problem(technique, len(parents))
    if problem:
        raise UserError(f"{where} '{technique_name}' {problem}")
    model = own_model(technique)
    if model is None and parents and not isinstance(technique, PredictorTechnique):
        model = above[parents[0]].root_model
    if isinstance(technique, ChoosingTechnique):
        model = _common_net([above[parent] for parent in parents])
    variant = Variant(name, technique_name, technique, parents, model)
    _refuse_misfits(variant, above)
    _refuse_undoing(variant, above)
    return variant


def _common_net(parents: list[Variant]) -> ModelFamily | None:
    """The net of all of them; None where they are not all modules of one."""
    first = parents[0].root_model
    is_one = all(parent.is_torch and parent.root_model == first for parent in parents)
    return first if is_one else None


def _refuse_misfits(variant: Variant, above: dict[str, Variant]) -> None:
    """Raises UserError where a technique can't begin from what its parents are."""
    where = f"[variants.{variant.name}] '{variant.technique_name}'"
    for parent in variant.parents:
        quantized = _quantized(parent, above)
        if variant.technique.quantizes and quantized:
            raise UserError(
                f"{where} quantizes what [variants.{quantized.name}] "
                f"('{quantized.technique_name}') quantized already: rounding twice only adds "
                f"error; give it the parent '{quantized.parents[0]}'"
            )
        if variant.uses_torch and not above[parent].is_torch and not variant.listens:
            raise UserError(
                f"{where} works on a torch module, but its parent "
                f"[variants.{parent}] is an ONNX file ('{above[parent].technique_name}'); "
                + _remedy(variant, parent, above)
            )


def _remedy(variant: Variant, parent: str, above: dict[str, Variant]) -> str:
    root = above[parent]
    if root.chooses and all(above[one].is_torch for one in root.parents):
        return f"the parents of [variants.{parent}] are of different nets: choose among equal ones"
    while root.parents and not root.is_torch and not root.is_new:
        root = above[root.parents[0]]
    if root.is_torch:
        return f"put [variants.{variant.name}] before the quantization"
    is_net = not isinstance(root.technique, PredictorTechnique)
    return (
        f"no module stands behind [variants.{root.name}] ('{root.technique_name}'): "
        + "quantize it, or " * is_net
        + "distill from it into a net of its own"
    )


def _refuse_undoing(variant: Variant, above: dict[str, Variant]) -> None:
    """Raises UserError where a step would destroy what one before it left in the weights."""
    ancestor = variant
    while ancestor.parents and not ancestor.is_new:
        ancestor = above[ancestor.parents[0]]
        if ancestor.technique.leaves in variant.technique.undoes:
            raise UserError(
                f"[variants.{variant.name}] '{variant.technique_name}' would undo the "
                f"{ancestor.technique.leaves} of [variants.{ancestor.name}] "
                f"('{ancestor.technique_name}'); put it before that one"
            )


def _quantized(name: str, above: dict[str, Variant]) -> Variant | None:
    """The variant that quantized a lineage of ONNX files; None where none did."""
    variant = above[name]
    while variant.parents and not (
        variant.technique.quantizes or variant.is_torch or variant.is_new
    ):
        if variant.chooses:
            each = (_quantized(parent, above) for parent in variant.parents)
            return next((found for found in each if found), None)
        variant = above[variant.parents[0]]
    return variant if variant.technique.quantizes else None


def _parents(
    where: str, table: dict[str, Any], above: dict[str, Variant], all_names: list[str]
) -> tuple[str, ...]:
    if "parent" in table and "parents" in table:
        raise UserError(f"{where} has both 'parent' and 'parents'; keep one")
    parents = table.pop("parents", None)
    if parents is None:
        parents = [table.pop("parent")] if "parent" in table else []
        if not all(isinstance(parent, str) for parent in parents):
            raise UserError(
                f"{where} parent = {shown(parents[0])} should be a variant's name; several are "
                'parents = ["…", "…"]'
            )
    if not isinstance(parents, list) or not all(isinstance(p, str) for p in parents):
        raise UserError(f"{where} parents = {shown(parents)} should be a list of variants' names")
    for parent in parents:
        if parent in above:
            continue
        if where == f"[variants.{parent}]":
            raise UserError(f"{where} is its own parent{nearest(parent, above)}")
        if parent in all_names:
            raise UserError(f"{where} its parent [variants.{parent}] must stand above it")
        raise UserError(f"{where} there is no variant '{parent}'{nearest(parent, above)}")
    return tuple(parents)


def _technique(where: str, name: str, options: dict[str, Any]) -> TechniqueBase:
    try:
        plugin = kinds.technique(name)
    except UserError as error:
        raise UserError(f"{where} {error}") from error
    try:
        technique = plugin(**options)
        technique.model_dump_json()
        return technique
    except ValidationError as error:
        known = [*plugin.model_fields, "parent", "parents", "technique"]
        raise UserError(f"{where} {explain(error, repr(name), known)}") from error
    except Exception as error:  # the plugin's own
        raise UserError(f"{where} '{name}' fails on these options: {told(error)}") from error


def _problem(technique: TechniqueBase, parent_count: int) -> str | None:
    """What a technique says against so many parents, or must be said where it does not."""
    try:
        problem = technique.problem(parent_count)
    except Exception as error:  # the plugin's own
        return f"fails on {parent_count} parents: {told(error)}"
    if problem is not None:
        return one_line(str(problem), 200)
    is_file = isinstance(technique, RootTechnique | PredictorTechnique)
    if parent_count == 0 and own_model(technique) is None and not is_file:
        names = " or ".join(f"'{name}'" for name in model_options(type(technique)))
        return f"has no parent, so it needs a net: {names or 'an option of type ModelOption'}"
    return None
