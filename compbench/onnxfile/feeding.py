"""Which of a dataset's inputs an ONNX file of any exporter takes, and in which form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Literal

import numpy as np
import onnx
from onnx import helper

from compbench.contracts import Feed, Input, Normalisation, Signature

Layout = Literal["as_stored", "channels_last", "flat"]
DTYPES: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.DOUBLE: "float64",
    onnx.TensorProto.FLOAT16: "float16",
    onnx.TensorProto.UINT8: "uint8",
    onnx.TensorProto.INT8: "int8",
    onnx.TensorProto.INT32: "int32",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.BOOL: "bool",
}


@dataclass(frozen=True)
class Figures:
    """(x / full - mean) / std, by channel; `full` is 255 for uint8, else 1, where it is None."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    full: float | None = None


# what a word means for an input, by its type
_SCALES: dict[str, dict[str, Normalisation]] = {
    "0-1": {"uint8": Normalisation((0.0,), (1.0,), 255.0)},
    "-1-1": {
        "uint8": Normalisation((0.5,), (0.5,), 255.0),
        "int16": Normalisation((0.0,), (1.0,), 32768.0),
    },
}


@dataclass(frozen=True)
class Told:
    """What a user says of a file's inputs; the rest is recognised.

    `inputs` maps the file's to the dataset's. `normalised` says what values the file's net was
    trained on: raw ones, those of the suite's own nets, or by figures.
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    layout: Layout | None = None
    normalised: Literal["raw", "as_suite", "0-1", "-1-1"] | Figures | None = None


def refed(model: onnx.ModelProto, said: tuple[Feed, ...], signature: Signature) -> tuple[Feed, ...]:
    """Feeds of a parent for its child's file: by name, or the only one to the only input.

    Raises ValueError where the file takes something else.
    """
    names = [value.name for value in inputs_of(model)]
    feeds = said or signature.feeds()
    if {feed.name for feed in feeds} >= {*names}:
        return tuple(feed for feed in feeds if feed.name in names)
    if len(feeds) == len(names) == 1:
        one = feeds[0]
        return (Feed(names[0], one.source, one.dtype, one.normalisation, one.layout),)
    known = ", ".join(feed.name for feed in feeds)
    raise ValueError(f"the file takes {listed(inputs_of(model))}; there is {known}")


def recognised(model: onnx.ModelProto, signature: Signature, told: Told) -> tuple[Feed, ...]:
    """How each input of a file is made of a dataset's.

    Raises ValueError where that is not clear, with what the file has and what would say it.
    """
    values = inputs_of(model)
    if not values:
        raise ValueError("the file has no input")
    strange = sorted({*told.inputs} - {value.name for value in values})
    unknown = sorted({*told.inputs.values()} - {*signature.inputs})
    if strange or unknown:
        said = ", ".join(strange or unknown)
        raise ValueError(
            f"inputs: {said} is no input of the {'file' if strange else 'dataset'}: the file takes "
            f"{listed(values)}, the dataset has {signature.listed}"
        )
    left = [value for value in values if value.name not in told.inputs]
    free = [name for name in signature.inputs if name not in told.inputs.values()]
    sources = dict(told.inputs) | {v.name: v.name for v in left if v.name in free}
    left = [value for value in left if value.name not in sources]
    free = [name for name in free if name not in sources.values()]
    if len(left) == 1 and len(free) == 1:
        sources[left[0].name] = free[0]
    elif left:
        raise ValueError(
            f"the file takes {listed(values)}, the dataset has {signature.listed}: say which is "
            f'which, inputs = {{ {left[0].name} = "{next(iter(signature.inputs))}" }}'
        )
    given = {value.name: signature.inputs[sources[value.name]] for value in values}
    scales = _SCALES.get(told.normalised) if isinstance(told.normalised, str) else None
    if scales and not any(one.dtype in scales for one in given.values()):
        kinds = " or ".join(scales)
        raise ValueError(
            f'normalised = "{told.normalised}" is of inputs of {kinds}; the dataset has '
            f"{signature.listed}: give figures, normalised = {{ mean = […], std = […] }}"
        )
    return tuple(_feed(v, sources[v.name], given[v.name], told) for v in values)


def inputs_of(model: onnx.ModelProto) -> list[onnx.ValueInfoProto]:
    """What a file takes, its weights left out."""
    held = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in held]


def listed(values: list[onnx.ValueInfoProto]) -> str:
    """Inputs or outputs in words: names, types and shapes."""
    return ", ".join(_told(value) for value in values)


def fixed_batch(model: onnx.ModelProto) -> int | None:
    """The only batch that a file takes; None where it takes any."""
    dims = [value.type.tensor_type.shape.dim for value in inputs_of(model)]
    return next((dim[0].dim_value for dim in dims if dim and dim[0].dim_value), None)


def _told(value: onnx.ValueInfoProto) -> str:
    if not value.type.HasField("tensor_type"):
        return f"{value.name} ({value.type.WhichOneof('value')})"
    kind = value.type.tensor_type.elem_type
    name = DTYPES.get(kind) or helper.tensor_dtype_to_string(kind).rpartition(".")[2].lower()
    return f"{value.name} {name} ({', '.join(map(str, _shape(value)))})"


def _shape(value: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_value or dim.dim_param or "?" for dim in value.type.tensor_type.shape.dim]


def _feed(value: onnx.ValueInfoProto, source: str, one: Input, told: Told) -> Feed:
    dtype = DTYPES.get(value.type.tensor_type.elem_type)
    if not value.type.HasField("tensor_type") or dtype is None:
        raise ValueError(f"the file takes {_told(value)}, which no dataset can give")
    layout = _layout(value, one, told.layout)
    if np.dtype(dtype).kind != "f":
        if np.dtype(one.dtype).kind == "f":
            raise ValueError(
                f"the file takes {_told(value)}, but the dataset's {source} is {one.dtype}"
            )
        if told.normalised not in (None, "raw"):
            raise ValueError(f"the file takes {_told(value)}, integers: what is normalised is none")
        _refuse_narrow(value, dtype, source, one)
        return Feed(value.name, source, dtype, None, layout)
    normalisation = _normalisation(value, source, one, told)
    return Feed(value.name, source, dtype, normalisation, layout)


def _refuse_narrow(value: onnx.ValueInfoProto, dtype: str, source: str, one: Input) -> None:
    """Raises ValueError where a file's small integers can't hold the dataset's: they would wrap."""
    takes, has = np.dtype(dtype), np.dtype(one.dtype)
    if takes.kind not in "iu" or takes.itemsize >= 4:  # numbers of classes, words, categories
        return
    least, most = (0, one.values - 1) if one.values else (np.iinfo(has).min, np.iinfo(has).max)
    if least < np.iinfo(takes).min or most > np.iinfo(takes).max:
        raise ValueError(
            f"the file takes {_told(value)}, which can't hold {source}, {one.dtype} of {least} to "
            f"{most}"
        )


def _layout(value: onnx.ValueInfoProto, one: Input, told: Layout | None) -> Layout:
    dims = _shape(value)[1:]
    shapes: dict[Layout, tuple[int, ...]] = {"as_stored": one.shape}
    if len(one.shape) > 1:
        shapes["channels_last"] = (*one.shape[1:], one.shape[0])
        shapes["flat"] = (prod(one.shape),)
    has_shape = value.type.tensor_type.HasField("shape")
    fitting: list[Layout] = [
        name
        for name, shape in shapes.items()
        if not has_shape
        or (
            len(shape) == len(dims)
            and all(d == s or isinstance(d, str) for d, s in zip(dims, shape, strict=True))
        )
    ]
    if told is not None and told in fitting:
        return told
    if told is None and fitting:
        return fitting[0]
    asked = f"layout = '{told}' gives" if told else "the dataset gives"
    given = shapes.get(told, one.shape) if told else one.shape
    raise ValueError(
        f"the file takes {_told(value)}, but {asked} (N, {', '.join(map(str, given))})"
    )


def _normalisation(
    value: onnx.ValueInfoProto, source: str, one: Input, told: Told
) -> Normalisation | None:
    if told.normalised == "raw":
        return None
    if isinstance(told.normalised, Figures):
        full = told.normalised.full or (255.0 if one.dtype == "uint8" else 1.0)
        return Normalisation(told.normalised.mean, told.normalised.std, full)
    if told.normalised in _SCALES and one.dtype in _SCALES[told.normalised]:
        return _SCALES[told.normalised][one.dtype]
    if told.normalised == "as_suite" or one.normalisation is None:
        return one.normalisation
    raise ValueError(
        f"the file takes {_told(value)}, and the dataset's {source} is {one.dtype}: say what the "
        'net was trained on, normalised = "0-1", "-1-1", "raw", "as_suite" or { mean = […], std = '
        "[…] }"
    )
