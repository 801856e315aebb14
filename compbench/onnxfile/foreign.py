"""Files of other tools -> one ONNX model with its weights inside, or a line on why that fails."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper
from onnx.external_data_helper import load_external_data_for_model

from compbench import environment_variable
from compbench.errors import first_line, one_line
from compbench.files import sha256
from compbench.onnxfile.feeding import listed

MOST_BYTES = (1 << 31) - 1  # of one file, which protobuf can hold
_CLASSES = ("classlabels_int64s", "classlabels_ints", "classlabels_strings")


def digests(path: Path, name: str) -> dict[str, str]:
    """The SHA-256 of a file, and of each file that holds weights of it, where those are there."""
    found = {name: sha256(path)}
    if path.suffix == ".onnx":
        try:
            model = onnx.load_model(path, load_external_data=False)
        except (DecodeError, OSError):
            return found  # what is wrong with it is said when it is loaded
        for other in elsewhere(model):
            place = (path.parent / other).resolve()
            is_there = place.is_file() and place.is_relative_to(path.parent.resolve())
            found[f"{name}/{other}"] = sha256(place) if is_there else "absent"
    return found


def read(path: Path) -> onnx.ModelProto:
    """An ONNX file with weights that lie in other files taken in. Raises ValueError."""
    try:
        model = onnx.load_model(path, load_external_data=False)
    except DecodeError as error:
        raise ValueError(f"{path.name} is no ONNX file") from error
    if not model.graph.node:
        raise ValueError(f"{path.name} has no graph: it is no ONNX file, or an empty one")
    names, folder = elsewhere(model), path.parent.resolve()
    for name in names:
        place = (folder / name).resolve()
        if not place.is_relative_to(folder):
            raise ValueError(f"{path.name} has weights in {one_line(name)}, outside of its folder")
        if not place.is_file():
            raise ValueError(
                f"{path.name} has weights in {one_line(name)}, which is not beside it: put it there"
            )
    size = path.stat().st_size + sum((folder / name).stat().st_size for name in names)
    if size > MOST_BYTES:
        raise ValueError(f"{path.name} with its weights has {size:,} bytes, more than 2 GB")
    if names:
        try:
            load_external_data_for_model(model, str(folder))
        except Exception as error:  # onnx's own, of several kinds: a file that is too short, say
            raise ValueError(f"{path.name}: {first_line(error)}") from error
    return model


def of_program(path: Path) -> onnx.ModelProto:
    """The ONNX export of a program that `torch.export.save` wrote. Raises ValueError."""
    import torch

    try:
        with _no_code(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.export.load(path)
    except Exception as error:  # torch's own, of many kinds
        raise ValueError(
            f"{path.name} is no program of torch.export that can be loaded without running code of "
            f"its own: {one_line(first_line(error))}"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = torch.onnx.export(program, dynamo=True, external_data=False, verbose=False)
    except Exception as error:
        raise ValueError(
            f"{path.name} has no ONNX export: {one_line(first_line(error))}"
        ) from error
    assert made is not None
    return made.model_proto


def without_maps(model: onnx.ModelProto, note: Callable[[str], None]) -> None:
    """Takes out what turns scores into maps of class to score, which is no array: `ZipMap`."""
    outputs = {output.name: output for output in model.graph.output}
    for node in [node for node in model.graph.node if node.op_type == "ZipMap"]:
        if node.output[0] not in outputs:
            continue
        classes = _labels(node)
        shape = ["N", len(classes)] if classes else ["N", None]
        outputs[node.output[0]].CopyFrom(
            helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, shape)
        )
        model.graph.node.remove(node)
        note(f"its node ZipMap is left out: the output is '{node.input[0]}', an array of scores")


def output_of(model: onnx.ModelProto, name: str | None, count: int) -> str:
    """The output that counts: the one so called, or the only one that can be it.

    Raises ValueError with what the file has.
    """
    outputs = list(model.graph.output)
    floats = [o for o in outputs if o.type.tensor_type.elem_type == TensorProto.FLOAT]
    if name is not None:
        if name in {output.name for output in floats}:
            return name
        why = " is not float32" if name in {output.name for output in outputs} else ""
        raise ValueError(f"output = '{name}'{why}: the file gives {listed(outputs)}")
    fitting = [o for o in floats if _last(o) in (count, None)]
    if len(fitting) == 1:
        return fitting[0].name
    if fitting:
        names = " or ".join(f"'{output.name}'" for output in fitting)
        raise ValueError(f"the file gives {listed(outputs)}: say which counts, output = {names}")
    raise ValueError(f"the file gives {listed(outputs)}, none of which is float32 (N, …, {count})")


def _classifiers(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes whose labels are the file's: not those of classifiers that others are made of."""
    labelled = [node for node in model.graph.node if _labels(node)]
    reached: set[str] = set()  # what a labelled node's inputs are made of
    for node in reversed(model.graph.node):  # they stand in order
        if _labels(node) or reached & {*node.output}:
            reached |= {*node.input}
    return [node for node in labelled if not reached & {*node.output}]


def refuse_other_classes(
    model: onnx.ModelProto, names: Sequence[str], note: Callable[[str], None]
) -> None:
    """Raises ValueError where a classifier's labels are not the dataset's, in the same order.

    They are its names, or 0, 1, …; words of which none is a name of the dataset's are noted.
    """
    for node in _classifiers(model):
        labels = _labels(node)
        words = [x.decode(errors="replace") if isinstance(x, bytes) else str(x) for x in labels]
        if not labels or words == [*names] or labels == [*range(len(names))]:
            continue
        if isinstance(labels[0], bytes) and not {*words} & {*names}:
            note(f"its classes are called {_some(words)}: they are taken in that order as 0, 1, …")
            continue
        numbers = f"0 to {len(names) - 1}"
        theirs = numbers if [*names] == [*map(str, range(len(names)))] else _some(names)
        raise ValueError(
            f"its classes are {_some(words)}; the dataset's are {theirs}, in that order"
        )


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:12]) + ("…" if len(words) > 12 else "")


def _labels(node: onnx.NodeProto) -> list[Any]:
    for attribute in node.attribute:
        if attribute.name in _CLASSES and (attribute.ints or attribute.strings):
            return list(attribute.ints) or list(attribute.strings)
    return []


def _last(output: onnx.ValueInfoProto) -> int | None:
    """The length of its last axis; None where it may be any, -1 where it is one number a sample."""
    tensor = output.type.tensor_type
    if not tensor.HasField("shape"):
        return None
    dims = tensor.shape.dim
    return (dims[-1].dim_value or None) if len(dims) > 1 else -1


def elsewhere(model: onnx.ModelProto) -> list[str]:
    """The names of other files that hold weights of it."""
    found = [
        entry.value
        for tensor in _tensors(model.graph)
        if tensor.data_location == TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    ]
    return sorted({*found})


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)


def _no_code() -> AbstractContextManager[None]:
    """torch reads programs' tensors as pickles, and would run what is in them: here it may not."""
    return environment_variable.held("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
