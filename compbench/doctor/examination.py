"""A name of a net, technique or dataset -> what it keeps to, one result after the other."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compbench.contracts import (
    ChoosingTechnique,
    DatasetSource,
    ModelFamily,
    RootTechnique,
    TaskBase,
    TechniqueBase,
    kinds,
)
from compbench.contracts.model import made_model
from compbench.data import splits
from compbench.data.splits import Data
from compbench.doctor import datasets, nets, techniques
from compbench.doctor.subject import Subject, few
from compbench.errors import JobFailed, UserError, first_line, nearest, told
from compbench.make import determinism, rewrite
from compbench.registry import registry
from compbench.runtime import inference
from compbench.runtime.process import Worker
from compbench.runtime.target import Target

KINDS: tuple[registry.Kind, ...] = ("model", "technique", "dataset")
PLAIN_NET = {"name": "cnn", "channels": [8, 16], "hidden": 16}  # what techniques are tried on


@dataclass(frozen=True)
class Result:
    """One check, and why it did not simply work; what is not a technique's works or fails."""

    check: str
    status: techniques.Status
    said: str = ""


def table(text: str) -> dict[str, Any]:
    """A name, or a table as a suite file has it. Raises UserError where it is neither."""
    if not text.lstrip().startswith("{"):
        return {"name": text}
    try:
        found = tomllib.loads(f"it = {text}")["it"]
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{text} is no table of TOML: {error}") from error
    if not isinstance(found.get("name"), str):
        raise UserError(f'{text} has no name: {{ name = "mynets:Net", width = 32 }}')
    return found


def kind_of(name: str) -> registry.Kind:
    """Whether a name or import path is that of a net, a technique or a dataset."""
    file, colon, _ = name.partition(":")
    if not colon:
        for kind in KINDS:
            if name in registry.names(kind):
                return kind
        every = [known for kind in KINDS for known in registry.names(kind)]
        raise UserError(f"there is no model, technique or dataset '{name}'{nearest(name, every)}")
    if file in registry.names("model"):
        return "model"
    found = registry.found("model", name, callable)
    if isinstance(found, type) and issubclass(found, TechniqueBase):
        return "technique"
    is_dataset = isinstance(found, type) and issubclass(found, DatasetSource)
    return "dataset" if is_dataset else "model"


def examined(
    subject: dict[str, Any],
    dataset: DatasetSource,
    data_dir: Path,
    net: dict[str, Any],
    task: TaskBase | None = None,
) -> Iterator[Result]:
    """The checks of a net, technique or dataset; `net` is what a technique is tried on.

    The task is the dataset's own where none is given. Raises UserError where its name, its
    options or the dataset are wrong.
    """
    name = subject["name"]
    kind = kind_of(name)
    more = {option: value for option, value in subject.items() if option != "name"}
    if kind == "dataset":
        source = kinds.dataset(name, more)
        for check, run in datasets.CHECKS.items():
            yield _checked(check, lambda run=run: run(source, data_dir))
        return
    plugin = kinds.technique(name) if kind == "technique" else None
    if plugin and issubclass(plugin, (RootTechnique, ChoosingTechnique)):
        is_root = issubclass(plugin, RootTechnique)
        what = "brings a model of its own" if is_root else "takes one of several variants"
        raise UserError(
            f"'{name}' {what}, which only a suite can name: write one, and try it with: compbench "
            "check SUITE"
        )
    family = made_model(net if plugin else subject)
    if plugin:
        wanted = techniques.options(plugin, family, more)
        _refuse_task(name, kinds.made_technique(name, wanted), task or _own_task(dataset))
    data = few(splits.load(dataset, data_dir, task))
    with subject_on(family, data) as tried:
        if plugin:
            yield from _technique(plugin, more, tried, family)
        else:
            yield from _net(tried, family)


def _own_task(dataset: DatasetSource) -> TaskBase:
    return kinds.made_task(dataset.own_task, {})


def _refuse_task(name: str, technique: TechniqueBase, task: TaskBase) -> None:
    problem = technique.problem_on(task)
    if problem:
        own = registry.name_of(type(task))
        raise UserError(f"'{name}' {problem}; that of the data is '{own}': try another --dataset")


@contextmanager
def subject_on(family: ModelFamily, data: Data) -> Iterator[Subject]:
    """The net, whose files run in a process of their own: one may crash it."""
    with determinism.held(1), Worker(rewrite.arrays(data)) as worker:
        yield Subject(
            lambda: family.build(data.signature),
            data,
            lambda file: inference.infer(worker, file, Target(), "test").outputs["test"],
        )


def _net(subject: Subject, family: ModelFamily) -> Iterator[Result]:
    for check, run in nets.CHECKS.items():
        result = _checked(check, lambda run=run: run(subject))
        yield result
        if result.status == "fails" and run in (nets.gives_outputs, nets.exports):
            return  # nothing after it could work
    for name in registry.names("technique"):
        try:
            plugin = kinds.technique(name)
        except UserError as error:  # its library is missing
            yield Result(name, "refuses", str(error))
            continue
        if plugin.parents[1] > 0:
            given = techniques.options(plugin, family, {"epochs": 1})
            found = techniques.attempt(kinds.made_technique(name, given), subject)
            yield Result(name, found.status, found.said)


def _technique(
    plugin: type[TechniqueBase], more: dict[str, Any], subject: Subject, family: ModelFamily
) -> Iterator[Result]:
    for check, run in techniques.CHECKS.items():
        yield _checked(check, lambda run=run: run(plugin, subject, family))
    wanted = techniques.options(plugin, family, more or {"epochs": 1})
    found = techniques.attempt(kinds.made_technique(registry.name_of(plugin), wanted), subject)
    yield Result("with these options" if more else "on the net", found.status, found.said)


def _checked(check: str, run: Callable[[], None]) -> Result:
    try:
        run()
    except (JobFailed, UserError) as error:
        return Result(check, "fails", first_line(error))
    except Exception as error:
        return Result(check, "fails", told(error))
    return Result(check, "works")
