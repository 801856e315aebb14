"""TOML -> Suite: every check of what a user writes in a suite file happens here."""

from __future__ import annotations

import codecs
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from compbench import file_name
from compbench.contracts import DatasetSource, Options, TaskBase, Teaching, kinds
from compbench.errors import UserError, explain, nearest, one_line, told
from compbench.headline import Headline
from compbench.registry import import_path
from compbench.runtime.target import LoadGen, Target, refuse_unknown_options
from compbench.suite.gate import limits, refuse_unlike
from compbench.suite.shifts import Shifted, read_shifts
from compbench.suite.tables import FAST, Measure, Pick, Reference
from compbench.suite.variants import Variant, check_name, read_variants


def fast(suite: Suite) -> Suite:
    """The suite with no more measuring than `FAST`."""
    least = {name: min(getattr(suite.measure, name), most) for name, most in FAST.items()}
    return replace(suite, measure=suite.measure.model_copy(update=least), is_fast=True)


_LARGEST_BYTES = 1_000_000
_BITS = 64

Named = str | dict[str, Any]  # a plugin by its name, or a table with its name and options


class _File(Options):
    """The tables of a suite file; those of variants are read by their technique."""

    description: str = ""
    dataset: Named = "digits"
    task: Named | None = None  # the dataset's own
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field(default=(0,), min_length=1)
    baseline: str | None = None
    variants: dict[str, dict[str, Any]] = Field(..., min_length=1)
    targets: dict[str, Target] = Field(default={"cpu_1thread": Target()}, min_length=1)
    shifts: dict[str, dict[str, Any]] = {}  # read by their plugins
    references: dict[str, Reference] = {}
    measure: Measure = Measure()
    pick: Pick = Pick()
    gate: dict[str, Any] = {}  # read by `gate_model`


@dataclass(frozen=True)
class Suite:
    """A suite file, read and checked."""

    name: str
    path: Path
    description: str
    dataset_name: str
    dataset: DatasetSource
    task_name: str
    task: TaskBase
    seeds: tuple[int, ...]
    baseline: str
    variants: dict[str, Variant]  # in file order: parents before children
    targets: dict[str, Target]
    shifts: dict[str, Shifted]
    references: dict[str, Reference]
    measure: Measure
    pick: Pick
    gate: Options  # of `gate_model`
    is_fast: bool = False


def load(path: Path) -> Suite:
    """Read a suite file.

    Raises UserError with the file, the table, what is wrong there and the nearest right value.
    """
    try:
        with import_path.beside(path):
            return _read(path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def gate(path: Path) -> Options:
    """The `[gate]` table of a suite file, read without importing what the file names.

    Raises UserError as `load` does.
    """
    try:
        return limits(tables(path).get("gate", {}))
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _read(path: Path) -> Suite:
    wrong = file_name.problem(path.stem)
    if wrong:
        raise UserError(f"its name, which is also that of its report, {wrong}: rename it")
    file = _file(path)
    dataset_name, options = _named("dataset", file.dataset)
    dataset = kinds.dataset(dataset_name, options)
    task_name, options = _named("task", file.task or dataset.own_task)
    task = kinds.made_task(task_name, options)
    variants = read_variants(file.variants)
    _refuse_misfits(variants, task_name, task)
    _refuse_temperature(variants, task_name, task)
    roots = [name for name, variant in variants.items() if not variant.parents]
    baseline = file.baseline or roots[0]
    _refuse_unknown("baseline", [baseline], variants)
    decides = file.pick.target
    if decides is not None and decides not in file.targets:
        raise UserError(f"[pick]: there is no target '{decides}'{nearest(decides, file.targets)}")
    _refuse_unknown("references", file.references, variants)
    metric = task.headline
    _check_references(file.references, metric)
    for name, target in file.targets.items():
        check_name("targets", name)
        _check_provider(f"[targets.{name}]", target)
    if len(set(file.seeds)) < len(file.seeds):
        raise UserError(f"seeds = {list(file.seeds)} names a seed twice")
    return Suite(
        name=path.stem,
        path=path,
        description=file.description,
        dataset_name=dataset_name,
        dataset=dataset,
        task_name=task_name,
        task=task,
        seeds=file.seeds,
        baseline=baseline,
        variants=variants,
        targets=file.targets,
        shifts=read_shifts(file.shifts),
        references=file.references,
        measure=file.measure,
        pick=_pick(file.pick, metric),
        gate=_gate(file.gate, metric),
    )


def _named(kind: str, given: Named) -> tuple[str, dict[str, Any]]:
    """A plugin's name and options. Raises UserError where there is no name."""
    if isinstance(given, str):
        return given, {}
    name = given.get("name")
    if not isinstance(name, str):
        raise UserError(f'{kind} = {given} needs a name: {kind} = {{ name = "…" }}')
    return name, {key: value for key, value in given.items() if key != "name"}


def tables(path: Path) -> dict[str, Any]:
    """What is written in a suite file. Raises UserError where it is no TOML."""
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            raise UserError(f"is larger than {_LARGEST_BYTES:,} bytes, which no suite file is")
        found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        siblings = [str(p) for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        raise UserError(f"there is no such file{nearest(str(path), siblings)}") from None
    except OSError as error:
        raise UserError(f"can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        if error.object[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise UserError("is in UTF-16: save it as UTF-8") from error
        raise UserError(f"is no text in UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError:
        raise UserError("has tables or lists that are nested too deep") from None
    except ValueError as error:  # also of a number with thousands of digits
        said = str(error).replace("Cannot overwrite a value", "a key is given twice")
        raise UserError(f"is not TOML: {said}") from error
    _refuse_huge("", found)
    return found


def _file(path: Path) -> _File:
    found = tables(path)
    if not found.get("variants"):
        raise UserError("has no variants: add a table such as [variants.teacher]")
    try:
        return _File(**found)
    except ValidationError as error:
        raise UserError(_explain_table(error)) from error


def _refuse_huge(place: str, value: Any) -> None:
    """TOML's whole numbers are of 64 bits, and what is longer can't even be printed."""
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_huge(f"{place}.{key}".removeprefix("."), inner)
    elif isinstance(value, list):
        for inner in value:
            _refuse_huge(place, inner)
    elif isinstance(value, int) and value.bit_length() > _BITS:
        raise UserError(f"{place}: a whole number has {_BITS} bits at most")


def _pick(pick: Pick, metric: Headline) -> Pick:
    try:
        return pick.judged_by(metric)
    except ValueError as error:
        raise UserError(str(error)) from error


def _check_references(references: dict[str, Reference], metric: Headline) -> None:
    for name, reference in references.items():
        if metric.is_share and not 0 <= reference.value <= 1:
            raise UserError(
                f"[references.{name}]: value = {reference.value} should be a share from 0 to 1, "
                f"of {metric.label}"
            )


def _gate(table: dict[str, Any], metric: Headline) -> Options:
    found = limits(table)
    refuse_unlike(found, metric)
    return found


def _explain_table(error: ValidationError) -> str:
    """Like `explain`, but targets.cpu.threads becomes "[targets.cpu] ... threads"."""
    table = [str(part) for part in error.errors(include_url=False)[0]["loc"][:-1]]
    models = {"targets": Target, "references": Reference}
    models |= {"measure": Measure, "pick": Pick}
    if not table or table[0] not in models:
        return explain(error, "the suite", _File.model_fields)
    depth = 2 if table[0] in ("targets", "references") else 1
    model: type[Options] = models[table[0]]
    if table[depth:] == ["loadgen"]:
        model = LoadGen
        depth = 3
    subject = f"[{'.'.join(table[:depth])}]"
    return explain(error, subject, model.model_fields, skip=depth)


def _check_provider(where: str, target: Target) -> None:
    try:
        refuse_unknown_options(target)
    except UserError as error:
        raise UserError(f"{where} {error}") from error


def _refuse_misfits(variants: dict[str, Variant], task_name: str, task: TaskBase) -> None:
    """Raises UserError where a technique is not for such a task."""
    for name, variant in variants.items():
        try:
            problem = variant.technique.problem_on(task)
        except Exception as error:  # the plugin's own
            problem = f"fails on this task: {told(error)}"
        if problem is not None:
            raise UserError(
                f"[variants.{name}] '{variant.technique_name}' {one_line(str(problem), 200)}; "
                f"the suite's is '{task_name}'"
            )


def _refuse_temperature(variants: dict[str, Variant], task_name: str, task: TaskBase) -> None:
    for name, variant in variants.items():
        technique = variant.technique
        is_given = isinstance(technique, Teaching) and "temperature" in technique.model_fields_set
        if is_given and not task.has_temperature:
            raise UserError(
                f"[variants.{name}] temperature would change nothing: the outputs of the task "
                f"'{task_name}' are not softened; remove it"
            )


def _refuse_unknown(table: str, names: Any, variants: dict[str, Variant]) -> None:
    for name in names:
        if name not in variants:
            raise UserError(f"{table}: there is no variant '{name}'{nearest(name, variants)}")
