"""Plugins of all kinds by name, held to what their kind asks of a class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from compbench.contracts.data import DatasetSource
from compbench.contracts.loss import loss_class
from compbench.contracts.model import model_class, model_options, takes_several_models
from compbench.contracts.options import Options
from compbench.contracts.shift import SHIFT_WORDS, ShiftBase
from compbench.contracts.task import TaskBase
from compbench.contracts.technique import (
    ChoosingTechnique,
    LoweringTechnique,
    NullCase,
    OnnxTechnique,
    PredictorTechnique,
    RootTechnique,
    TechniqueBase,
    TorchTechnique,
)
from compbench.errors import UserError, explain, nearest, shown, told
from compbench.registry import plugins, registry
from compbench.registry.recorded import recorded

TECHNIQUES = (
    TorchTechnique,
    LoweringTechnique,
    PredictorTechnique,
    OnnxTechnique,
    RootTechnique,
    ChoosingTechnique,
)
NAMED_WORDS = ("name",)  # what the table of a dataset, a task or a model has beside its options
_TABLE_WORDS = ("technique", "parent", "parents")


def find(kind: registry.Kind, name: str) -> type[Options]:
    """The class of a plugin of any kind. Raises UserError with what is wrong with it."""
    if kind == "technique":
        return technique(name)
    if kind == "dataset":
        return dataset_class(name)
    if kind == "task":
        return task(name)
    if kind == "loss":
        return loss_class(name)
    if kind == "shift":
        return shift(name)
    return model_class(name)[0]


def technique(name: str) -> type[TechniqueBase]:
    """The class of a technique. Raises UserError with what is wrong with it."""
    plugin = plugins.find("technique", name, TECHNIQUES, _TABLE_WORDS)
    problem = (
        _wrong_parents(plugin)
        or _wrong_words(plugin)
        or _wrong_models(plugin)
        or _wrong_null_case(plugin)
    )
    if problem:
        raise UserError(f"the technique '{name}' {problem}")
    return plugin


def task(name: str) -> type[TaskBase]:
    """The class of a task. Raises UserError with what is wrong with it."""
    return plugins.find("task", name, (TaskBase,), NAMED_WORDS)


def shift(name: str) -> type[ShiftBase]:
    """The class of a shift. Raises UserError with what is wrong with it."""
    return plugins.find("shift", name, (ShiftBase,), SHIFT_WORDS)


def dataset(name: str, options: Mapping[str, Any] = {}) -> DatasetSource:
    """A dataset's source with its options.

    Raises UserError with what is wrong with its class, or with its options.
    """
    plugin: Any = dataset_class(name)
    return _made("dataset", name, plugin, options)


def recorded_dataset(
    name: str, options: Mapping[str, Any], suite_file: Path | None
) -> DatasetSource:
    """The dataset that a run or a baseline was recorded with: see `recorded`. Raises UserError."""
    with recorded(name, suite_file):
        return dataset(name, options)


def recorded_task(
    table: Mapping[str, Any], source: DatasetSource, suite_file: Path | None
) -> TaskBase:
    """The task of a record, of which this is the dataset: see `recorded`. Raises UserError."""
    name = table.get("name", source.own_task)
    with recorded(name, suite_file, said=(source.own_task,)):
        return made_task(name, table.get("options", {}))


def _made(
    kind: str,
    name: str,
    plugin: Any,
    options: Mapping[str, Any],
    words: tuple[str, ...] = NAMED_WORDS,
) -> Any:
    """A plugin with options from a suite file, that can be written as one again."""
    try:
        made = plugin(**options)
        made.model_dump_json()
        return made
    except ValidationError as error:
        known = [*words, *plugin.model_fields]
        raise UserError(explain(error, f"the {kind} '{name}'", known)) from error
    except Exception as error:
        raise UserError(f"the {kind} '{name}' can't be used: {told(error)}") from error


def made_technique(name: str, options: Mapping[str, Any] = {}) -> TechniqueBase:
    """A technique with its options. Raises UserError with what is wrong with it."""
    return _made("technique", name, technique(name), options)


def made_shift(name: str, options: Mapping[str, Any] = {}) -> ShiftBase:
    """A shift with its options. Raises UserError with what is wrong with it."""
    return _made("shift", name, shift(name), options, SHIFT_WORDS)


def made_task(name: str, options: Mapping[str, Any] = {}) -> TaskBase:
    """A task with its options. Raises UserError with what is wrong with it."""
    return _made("task", name, task(name), options)


def dataset_class(name: str) -> type[DatasetSource]:
    """The class of a dataset. Raises UserError with what is wrong with it."""
    plugin: Any = plugins.find("dataset", name, (DatasetSource,), NAMED_WORDS)
    classes = plugin.classes
    if classes is not None and (
        not isinstance(classes, int) or isinstance(classes, bool) or classes < 2
    ):
        raise UserError(
            f"the dataset '{name}': classes = {shown(classes)} should be how many there are, 2 or "
            "more: classes: ClassVar[int] = 10"
        )
    task(plugin.task)
    return plugin


def _wrong_parents(plugin: type[TechniqueBase]) -> str | None:
    parents = plugin.parents
    is_pair = isinstance(parents, tuple) and len(parents) == 2
    if not is_pair or any(type(count) is not int or count < 0 for count in parents):
        return f"says parents = {shown(parents)}, which should be the least and the most: (1, 1)"
    least, most = parents
    if most < least:
        return f"says parents = {parents}: the least is more than the most"
    if issubclass(plugin, OnnxTechnique) and parents != (1, 1):
        return f"says parents = {parents}, but an OnnxTechnique rewrites the file of one: (1, 1)"
    if issubclass(plugin, RootTechnique):
        if parents == (0, 0):
            return None
        return f"says parents = {parents}, but a RootTechnique brings a model that is there: (0, 0)"
    if issubclass(plugin, LoweringTechnique) and least == 0:
        return (
            f"says parents = {parents}, but the file of a LoweringTechnique is compared with its "
            "parent's: it needs 1 or more"
        )
    if issubclass(plugin, PredictorTechnique):
        return _wrong_predictor(plugin)
    if issubclass(plugin, ChoosingTechnique) and least == 0:
        return f"says parents = {parents}, but a ChoosingTechnique takes one of them: 1 or more"
    if least == 0 and not model_options(plugin):
        return (
            f"says parents = {parents}, but has no net of its own to begin from: give it an option "
            "model: ModelOption, or make it a RootTechnique that brings a file"
        )
    return None


def _wrong_predictor(plugin: type[PredictorTechnique]) -> str | None:
    for word, example in (("learner", "forest"), ("library", "scikit-learn")):
        said = getattr(plugin, word)
        if not isinstance(said, str) or not said:
            return f'says {word} = {shown(said)}, which should be a word: "{example}"'
    if plugin.parents[1] > 0 and not plugin.teaches:
        return "has parents, of which a PredictorTechnique can only learn: say teaches = True"
    if model_options(plugin):
        name = model_options(plugin)[0]
        return f"has an option '{name}', a net, but a PredictorTechnique makes none: remove it"
    return None


def _wrong_words(plugin: type[TechniqueBase]) -> str | None:
    for word in ("quantizes", "teaches"):
        said = getattr(plugin, word)
        if not isinstance(said, bool):
            return f"says {word} = {shown(said)}, which should be True or False"
    for word in ("leaves", "family", "scheme", "taught_by"):
        said = getattr(plugin, word)
        if not isinstance(said, str):
            return f"says {word} = {shown(said)}, which should be a text"
    undoes = plugin.undoes
    if not isinstance(undoes, tuple) or not all(isinstance(word, str) for word in undoes):
        return f'says undoes = {shown(undoes)}, which should be a tuple of texts: ("zeros",)'
    return None


def _wrong_models(plugin: type[TechniqueBase]) -> str | None:
    several = takes_several_models(plugin)
    if several:
        return f"has an option '{several}' of several nets: a technique makes one net, ModelOption"
    options = model_options(plugin)
    if len(options) > 1:
        return (
            f"has {len(options)} options of type ModelOption ({', '.join(options)}): which is the "
            "net that it makes? Keep one"
        )
    return None


def _wrong_null_case(plugin: type[TechniqueBase]) -> str | None:
    null = getattr(plugin, "null_case", None)
    if not isinstance(null, NullCase) or not isinstance(null.options, dict):
        return (
            f"says null_case = {shown(null)}, which should be the options with which it does "
            "nothing: NullCase({...})"
        )
    for option in null.options:
        if option not in plugin.model_fields:
            hint = nearest(str(option), plugin.model_fields)
            return f"has no option '{option}' of its null_case{hint}"
    return None
