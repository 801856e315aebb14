"""What a job's key holds: all that its result depends on, as plain values, and their digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from compbench.contracts import PredictorTechnique, TaskBase, describe_model
from compbench.registry import registry
from compbench.registry.fingerprint import PACKAGE, Sources
from compbench.suite.conditions import conditions
from compbench.suite.variants import Variant

# the module that makes artifacts, and what it only checks, keeps and describes them with: what
# these decide is in the key already, or does not change a byte
_MAKER = f"{PACKAGE}.make.job"
_ASIDE = tuple(
    f"{PACKAGE}.{x}"
    for x in ("suite", "make.store", "data", "runtime", "files", "failure_boundary")
)
_RUNNER = f"{PACKAGE}.runtime.session"  # what a file that teaches is run with
_EXPORTER_LIBRARIES = ("onnxscript", "onnx-ir")  # torch's exporter writes files with them


def key_of(parts: Mapping[str, Any]) -> str:
    """The key of a job, from all that its result depends on."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def unlike(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What differs in the parts of two keys, a few words each."""
    for module in sorted({*old["code"], *new["code"]}):
        if old["code"].get(module) != new["code"].get(module):
            yield f"code of {module}"
    for table, what in (("libraries", ""), ("options", "option ")):
        for name in sorted({*old[table], *new[table]}):
            a, b = (side[table].get(name, "absent") for side in (old, new))
            if a != b:
                yield f"{what}{name}: {a} became {b}"
    old_files, new_files = old.get("files", {}), new.get("files", {})
    for name in sorted({*old_files, *new_files}):
        if old_files.get(name) != new_files.get(name):
            yield f"content of {name}"
    for name in ("device", "threads", "precision", "technique"):
        if old[name] != new[name]:
            yield f"{name}: {old[name]} became {new[name]}"
    if old["model"] != new["model"]:
        yield "model"
    if old["dataset"] != new["dataset"]:
        yield "dataset"
    if old.get("task") != new.get("task"):
        yield "task"
    if [*old["parents"]] != [*new["parents"]]:
        yield "parent"


def options(variant: Variant) -> dict[str, Any]:
    """The technique's options as a suite file would write them, defaults included."""
    return variant.technique.model_dump(mode="json")


def described_model(variant: Variant) -> dict[str, Any]:
    """The net of its lineage as a suite file would write it; of files without one, what it is."""
    if isinstance(variant.technique, PredictorTechnique):
        return {"name": f"(a {variant.technique.learner})"}
    return describe_model(variant.root_model) if variant.root_model else {"name": "(a file)"}


def made_by(
    variant: Variant, task: TaskBase, sources: Sources, runs_files: bool = False
) -> dict[str, Any]:
    """What makes a variant here: code by module, libraries with their builds, device, threads.

    What only checks an artifact is no part: ONNX Runtime is one where a technique uses it, or
    learns from a file that is run.
    """
    plugins = {type(variant.technique), type(task), *_options_in(variant.technique)}
    if variant.uses_torch and variant.root_model is not None:
        plugins.add(type(variant.root_model))
    own, makers = sources.of(plugins), sources.of(modules=[_MAKER], aside=_ASIDE)
    runners = sources.of(modules=[_RUNNER] if runs_files else [])
    declared = {name for plugin in plugins for name in getattr(plugin, "libraries", ())}
    declared |= {"onnxruntime"} if runs_files else set()
    named = registry.versions((*sorted(declared), *_EXPORTER_LIBRARIES))
    return {
        "code": {**own.modules, **makers.modules, **runners.modules},
        "libraries": dict(sorted({**named, **own.libraries, **makers.libraries}.items())),
        **conditions(),
    }


def _options_in(value: Any) -> Iterator[type]:
    """The classes of all options inside options: a model, say, whatever its field is called."""
    if isinstance(value, BaseModel):
        yield type(value)
        yield from (found for inner in vars(value).values() for found in _options_in(inner))
    elif isinstance(value, Mapping):
        yield from (found for inner in value.values() for found in _options_in(inner))
    elif isinstance(value, list | tuple):
        yield from (found for inner in value for found in _options_in(inner))
