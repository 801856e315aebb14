"""TOML -> Suite: every check of what a user writes in a suite file happens here."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from compbench import import_path, kinds, quantities
from compbench.contracts import DatasetSource, Options
from compbench.errors import UserError, explain, nearest
from compbench.targets import PROVIDERS, LoadGen, Target
from compbench.variants import Variant, check_name, read_variants
from compbench.worker import SILENT_S


class Reference(Options):
    """A published figure that the report prints beside ours."""

    accuracy: float = Field(..., ge=0, le=1, description="share of test samples, 0 to 1")
    source: str = Field(..., min_length=1, description="where it was published")


class Measure(Options):
    """How much is measured; the defaults are those of the protocol."""

    launches: int = Field(
        default=5, ge=2, description="fresh processes, the sampling unit of intervals"
    )
    seconds_per_arm: float = Field(
        default=0.4, gt=0, description="timed seconds of an arm in a launch"
    )
    memory_processes: int = Field(
        default=5, ge=1, description="fresh processes that load one artifact each, for its memory"
    )
    process_seconds: float = Field(
        default=SILENT_S,
        gt=0,
        description="a process without progress for so long is ended, and its file has failed",
    )


FAST = {"launches": 3, "seconds_per_arm": 0.1, "memory_processes": 1}


def fast(suite: Suite) -> Suite:
    """The suite with no more measuring than `FAST`."""
    least = {name: min(getattr(suite.measure, name), most) for name, most in FAST.items()}
    return replace(suite, measure=suite.measure.model_copy(update=least), is_fast=True)


class Pick(Options):
    """The constraints on what the report recommends."""

    max_drop: Annotated[float | str, AfterValidator(quantities.share)] = Field(
        default=0.01, description="accuracy below the baseline on validation: '1pp', or 0 to 1"
    )
    max_bytes: Annotated[float | str, AfterValidator(quantities.size_bytes)] | None = Field(
        default=None, description="the file on disk: '200KB', or a number of bytes"
    )
    max_latency: Annotated[float | str, AfterValidator(quantities.time_ns)] | None = Field(
        default=None, description="p50 at the target's first batch size: '0.5ms'"
    )
    target: str | None = Field(
        default=None, description="the target that decides; without it, each one for itself"
    )


class Gate(Options):
    """What a candidate may lose against a baseline before its gate fails (docs/gate.md)."""

    latency_ratio: float = Field(default=1.025, ge=1, description="time, to the baseline's")
    accuracy_drop: float = Field(default=0.0, ge=0, le=1, description="on the test split, 0 to 1")
    bytes_ratio: float = Field(default=1.01, gt=0, description="the ONNX file, to the baseline's")
    memory_ratio: float = Field(default=1.1, gt=0, description="peak memory, to the baseline's")
    memory_processes: int = Field(default=3, ge=1, description="fresh processes for each file")
    # from what the file was made from; None: by the baseline's, and by the target's
    parity_agreement: float | None = Field(default=None, ge=0, le=1, description="of classes")
    max_logit_difference: float | None = Field(default=None, gt=0, description="the largest")


class _File(Options):
    """The tables of a suite file; those of variants are read by their technique."""

    description: str = ""
    dataset: str = "digits"
    seeds: tuple[Annotated[int, Field(ge=0, lt=2**63)], ...] = Field(default=(0,), min_length=1)
    baseline: str | None = None
    variants: dict[str, dict[str, Any]] = Field(..., min_length=1)
    targets: dict[str, Target] = Field(default={"cpu_1thread": Target()}, min_length=1)
    references: dict[str, Reference] = {}
    measure: Measure = Measure()
    pick: Pick = Pick()
    gate: Gate = Gate()


@dataclass(frozen=True)
class Suite:
    """A suite file, read and checked."""

    name: str
    path: Path
    description: str
    dataset_name: str
    dataset: DatasetSource
    seeds: tuple[int, ...]
    baseline: str
    variants: dict[str, Variant]  # in file order: parents before children
    targets: dict[str, Target]
    references: dict[str, Reference]
    measure: Measure
    pick: Pick
    gate: Gate
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


def _read(path: Path) -> Suite:
    file = _tables(path)
    dataset = kinds.dataset(file.dataset)
    variants = read_variants(file.variants)
    roots = [name for name, variant in variants.items() if not variant.parents]
    baseline = file.baseline or roots[0]
    _refuse_unknown("baseline", [baseline], variants)
    decides = file.pick.target
    if decides is not None and decides not in file.targets:
        raise UserError(f"[pick]: there is no target '{decides}'{nearest(decides, file.targets)}")
    _refuse_unknown("references", file.references, variants)
    for name, target in file.targets.items():
        check_name("targets", name)
        _check_provider(f"[targets.{name}]", target)
    if len(set(file.seeds)) < len(file.seeds):
        raise UserError(f"seeds = {list(file.seeds)} names a seed twice")
    return Suite(
        name=path.stem,
        path=path,
        description=file.description,
        dataset_name=file.dataset,
        dataset=dataset,
        seeds=file.seeds,
        baseline=baseline,
        variants=variants,
        targets=file.targets,
        references=file.references,
        measure=file.measure,
        pick=file.pick,
        gate=file.gate,
    )


def _tables(path: Path) -> _File:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        siblings = [str(p) for p in path.parent.glob("*.toml")] if path.parent.is_dir() else []
        raise UserError(f"there is no such file{nearest(str(path), siblings)}") from None
    except OSError as error:
        raise UserError(f"can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"is not TOML: {error}") from error
    if not tables.get("variants"):
        raise UserError("has no variants: add a table such as [variants.teacher]")
    try:
        return _File(**tables)
    except ValidationError as error:
        raise UserError(_explain_table(error)) from error


def _explain_table(error: ValidationError) -> str:
    """Like `explain`, but targets.cpu.threads becomes "[targets.cpu] ... threads"."""
    table = [str(part) for part in error.errors(include_url=False)[0]["loc"][:-1]]
    models = {"targets": Target, "references": Reference}
    models |= {"measure": Measure, "pick": Pick, "gate": Gate}
    if not table or table[0] not in models:
        return explain(error, "the suite", _File.model_fields)
    depth = 2 if table[0] in ("targets", "references") else 1
    model: type[Options] = models[table[0]]
    if table[depth:] == ["loadgen"]:
        model, depth = LoadGen, 3
    subject = f"[{'.'.join(table[:depth])}]"
    return explain(error, subject, model.model_fields, skip=depth)


def _check_provider(where: str, target: Target) -> None:
    if target.provider not in PROVIDERS:
        hint = nearest(target.provider, PROVIDERS)
        raise UserError(f"{where} there is no provider '{target.provider}'{hint}")
    known = PROVIDERS[target.provider].options
    for option in target.provider_options:
        if option not in known:
            hint = nearest(option, known) or "; it has none"
            raise UserError(f"{where} '{target.provider}' has no provider option '{option}'{hint}")


def _refuse_unknown(table: str, names: Any, variants: dict[str, Variant]) -> None:
    for name in names:
        if name not in variants:
            raise UserError(f"{table}: there is no variant '{name}'{nearest(name, variants)}")
