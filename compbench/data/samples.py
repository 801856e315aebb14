"""What a dataset's own code gives -> samples that can be relied on, or a line on what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Companion, DatasetSource, Samples, Split, TaskBase
from compbench.contracts.data import Way
from compbench.errors import UserError, nearest, shown, told
from compbench.registry import registry

_WAYS = get_args(Way)
_KINDS = "biuf"  # of numpy types that inputs and targets may have


def fingerprint(source: DatasetSource, data_dir: Path) -> str | None:
    """The digest of the source's content, None where it is absent. Raises UserError."""
    found = _called(source, "fingerprint", data_dir)
    if found is not None and not isinstance(found, str):
        raise wrong(source, f"fingerprint gave {shown(found)}, which should be a text or None")
    return found


def load(source: DatasetSource, task: TaskBase, data_dir: Path) -> Samples:
    """The source's samples, with labels as int64, and what it says of its classes filled in.

    Raises UserError where they can't be read, or are not as `Samples` and the task say.
    """
    found = _called(source, "load", data_dir)
    if not isinstance(found, Samples):
        raise wrong(source, f"load gave {type(found).__name__}, which should be Samples(...)")
    splits = _splits(found)
    for prefix, split in splits.items():
        _refuse_wrong_arrays(source, prefix, split, found.train)
    _refuse_wrong_description(source, found)
    outputs = _outputs(source, task, found)
    names = found.class_names or source.class_names
    if names and (len({*names}) != outputs or len(names) != outputs):
        raise wrong(
            source, f"class_names are {len(names)}, which should be one for each of {outputs}"
        )
    whole = {p: _checked(source, task, p, s, outputs) for p, s in splits.items()}
    if task.has_classes:
        _refuse_missing_classes(source, found.train.targets, outputs, names)
    return replace(
        found,
        train=whole[""],
        test=whole.get("test_"),
        validation=whole.get("validation_"),
        outputs=outputs,
        class_names=tuple(names),
        companions=_named(source, found.companions),
    )


def _splits(found: Samples) -> dict[str, Split]:
    """Those that are there, by what stands before their inputs' names in messages."""
    others = {"validation_": found.validation, "test_": found.test}
    return {"": found.train} | {p: split for p, split in others.items() if split is not None}


def _named(source: DatasetSource, found: Any) -> Mapping[str, Companion]:
    """Companions as they should be: they become files of these names."""
    if not isinstance(found, Mapping):
        raise wrong(source, f"companions are {type(found).__name__}, which should be by file name")
    for name, one in found.items():
        is_name = isinstance(name, str) and name not in ("", "..") and Path(name).name == name
        if not is_name or not isinstance(one, Companion) or not isinstance(one.content, bytes):
            raise wrong(
                source,
                f"companions: {shown(name)} should be a file's name, for a Companion(bytes, use)",
            )
    return found


def wrong(source: DatasetSource, what: str) -> UserError:
    """What is wrong with a dataset, by its name in suite files."""
    return UserError(f"the dataset '{registry.name_of(type(source))}': {what}")


def _outputs(source: DatasetSource, task: TaskBase, found: Samples) -> int:
    said = found.outputs or source.classes or len(found.class_names) or None
    if said is None and not task.has_classes and found.train.targets.ndim <= 2:
        said = (found.train.targets.shape[1:] or (1,))[0]  # a column an output
    if not isinstance(said, int) or said < 1 or (task.has_classes and said < 2):
        raise wrong(
            source,
            f"outputs = {shown(said)} should be how many classes, values or tokens models give: "
            "Samples(..., outputs=10)",
        )
    return said


def _refuse_wrong_arrays(source: DatasetSource, prefix: str, split: Any, train: Split) -> None:
    if not isinstance(split, Split):
        name = prefix.rstrip("_") or "train"
        raise wrong(
            source, f"{name} is {type(split).__name__}, which should be Split(inputs, targets)"
        )
    if not split.names:
        raise wrong(source, f"{prefix}inputs are none")
    for name, array in split.first(1).items():
        if not isinstance(array, np.ndarray):
            kind = type(array).__name__
            raise wrong(source, f"{prefix}{name} should be a numpy array, not {kind}")
    for name, (dtype, shape) in split.kinds.items():
        problem = _wrong_input(dtype, shape, split.lengths[name])
        if problem:
            raise wrong(source, f"{prefix}{name} {problem}")
    if split.kinds != train.kinds:
        raise wrong(
            source,
            f"its {prefix.rstrip('_')} inputs are {_listed(split)}, those to learn from "
            f"{_listed(train)}",
        )


def _wrong_input(dtype: str, shape: tuple[int, ...], count: int) -> str | None:
    whole = (count, *shape)
    if _kind(dtype) not in _KINDS or dtype in ("float64", "float16"):
        return f"of {dtype} should be float32, integers, or pixels of uint8"
    if dtype == "uint8" and len(shape) == 2:
        return f"of shape {whole} should be (N, C, H, W); for grey pictures: images[:, None]"
    if len(shape) == 3 and dtype not in ("uint8", "float32"):
        return f"of {dtype} should be pixels, uint8 from 0 to 255, or float32"
    if len(shape) == 3 and shape[-1] in (1, 3, 4) and shape[0] > 4:
        return f"of shape {whole} look like (N, H, W, C), but should be (N, C, H, W)"
    return f"of shape {whole} are empty" if 0 in whole else None


def _kind(dtype: str) -> str:
    """numpy's letter for a type; none for those whose names are no types, as of texts."""
    try:
        return np.dtype(dtype).kind
    except TypeError:
        return "?"


def _refuse_wrong_description(source: DatasetSource, found: Samples) -> None:
    """What a dataset says of inputs that it has not, or that can't be so of them."""
    inputs, kinds = found.train.names, found.train.kinds
    said = {name: getattr(found, name) for name in ("normalise", "free_axes", "values", "rates")}
    for field, table in said.items():
        for name in table:
            if name not in inputs:
                raise wrong(
                    source, f"{field}: there is no input {shown(name)}{nearest(name, inputs)}"
                )
    for name, way in found.normalise.items():
        if way not in _WAYS:
            raise wrong(
                source,
                f"normalise: {name} = {shown(way)} should be one of {', '.join(_WAYS)}"
                f"{nearest(str(way), _WAYS)}",
            )
    for name, axes in found.free_axes.items():
        count = len(kinds[name][1])
        if any(type(axis) is not int or not 0 <= axis < count for axis in axes):
            raise wrong(
                source, f"free_axes: {name} = {shown(axes)} should be of its {count} axes, from 0"
            )
    for name, count in found.values.items():
        for prefix, split in _splits(found).items():
            _refuse_beyond(source, prefix, name, count, split)


def _refuse_beyond(source: DatasetSource, prefix: str, name: str, count: int, split: Split) -> None:
    """Integers that stand for something are 0 to `count` - 1."""
    start = 0
    for batch in split.chunks():
        array = batch[name]
        if array.size and (array.min() < 0 or array.max() >= count):
            odd = ((array < 0) | (array >= count)).reshape(len(array), -1).any(1)
            raise wrong(
                source,
                f"sample {start + int(odd.argmax())} of {prefix}{name} is not all in 0 to "
                f"{count - 1}, of which values = {{{name!r}: {count}}} speaks",
            )
        start += len(array)


def _listed(split: Split) -> str:
    return ", ".join(f"{name} {dtype} {shape}" for name, (dtype, shape) in split.kinds.items())


def _checked(
    source: DatasetSource, task: TaskBase, prefix: str, split: Split, outputs: int
) -> Split:
    """The split with targets as tasks want them. Raises UserError."""
    for name, length in split.lengths.items():
        if length != len(split):
            part = f"the {prefix.rstrip('_')} split" if prefix else "it"
            raise wrong(source, f"{part} has {length} samples of {name} but {len(split)} targets")
    problem = task.wrong_targets(split.targets, outputs) or _not_finite(split)
    if problem:
        raise wrong(source, f"{prefix}{problem}")
    whole = np.issubdtype(split.targets.dtype, np.integer)
    kind = np.int64 if whole else np.float32
    return split.with_targets(split.targets.astype(kind, copy=False))


def _not_finite(split: Split) -> str | None:
    """Which sample of which input holds no number."""
    floats = [name for name, (dtype, _) in split.kinds.items() if dtype.startswith("float")]
    start = 0
    for batch in split.chunks() if floats else ():
        for name in floats:
            found = np.isfinite(batch[name]).reshape(len(batch[name]), -1).all(1)
            if not found.all():
                return f"sample {start + int(found.argmin())} of {name} is not a finite number"
        start += len(batch[floats[0]])
    return None


def _refuse_missing_classes(
    source: DatasetSource, labels: NDArray[Any], classes: int, names: tuple[str, ...]
) -> None:
    missing = np.setdiff1d(np.arange(classes), labels)
    if missing.size:
        which = f" ('{names[missing[0]]}')" if names else ""
        raise wrong(
            source,
            f"class {missing[0]}{which} has no sample to learn from: classes = {classes} means "
            f"labels of 0 to {classes - 1}",
        )


def _called(source: DatasetSource, method: str, data_dir: Path) -> Any:
    try:
        return getattr(source, method)(data_dir)
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # whatever a plugin's own code raises
        raise wrong(source, f"{method} fails: {told(error)}") from error
