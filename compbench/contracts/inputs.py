"""What a model takes: named inputs, how batches of them are normalised, how a file is fed."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import nn

Array = NDArray[Any]
Net = TypeVar("Net", bound="nn.Module")
Inputs = Mapping[str, Array]  # named arrays, a sample in each row of each

PIXELS = "pixels"  # what built-in datasets call images, and so on
FEATURES = "features"
TOKENS, MASK = "tokens", "mask"
WAVEFORM, SPECTROGRAM = "waveform", "spectrogram"

TAKES_INPUTS = "takes_inputs"  # the attribute by which a net without named parameters says them


class Shape(NamedTuple):
    """The shape of one image: channels, height and width in pixels."""

    channels: int
    height: int
    width: int


@dataclass(frozen=True)
class Normalisation:
    """Raw values -> what a model takes: (x / full - mean) / std, along axis 1 of a batch.

    `mean` and `std` are of x / full: one a channel (or feature), or one for all.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    full: float = 1.0  # 255 for pixels of uint8

    @property
    def scale(self) -> NDArray[np.float32]:
        """Prepared values are x · scale + offset, in float32."""
        return (1 / (self.full * np.array(self.std, np.float64))).astype(np.float32)

    @property
    def offset(self) -> NDArray[np.float32]:
        """See `scale`."""
        return (-np.array(self.mean, np.float64) / np.array(self.std, np.float64)).astype(
            np.float32
        )

    def apply(self, raw: Array) -> NDArray[np.float32]:
        """A prepared batch: raw values (N, C, …) of any type -> float32 of the same shape."""
        scale, offset = self._along(raw)
        prepared = raw.astype(np.float32)
        prepared *= scale
        prepared += offset
        return prepared

    def undone(self, prepared: NDArray[np.float32]) -> NDArray[np.float32]:
        """Back from `apply`, up to rounding: raw values as float32."""
        scale, offset = self._along(prepared)
        return np.asarray((prepared - offset) / scale, np.float32)

    def _along(self, batch: Array) -> tuple[Array, Array]:
        """Scale and offset along axis 1 of a batch."""
        shape = (1, -1, *[1] * (batch.ndim - 2))
        return self.scale.reshape(shape), self.offset.reshape(shape)


@dataclass(frozen=True)
class Input:
    """One named input of a dataset: a sample as it is stored, and how a batch is prepared.

    `shape` is of one sample. In files the axes of a sample that `free_axes` names (0 is the first
    after the batch) may have any length: texts, say. Integers that stand for something, as tokens
    do, are 0 to `values` - 1; sounds have a `rate` of so many samples a second.
    """

    dtype: str
    shape: tuple[int, ...]
    normalisation: Normalisation | None = None
    free_axes: tuple[int, ...] = ()
    values: int | None = None
    rate: int | None = None

    @property
    def is_image(self) -> bool:
        """Whether it is pixels (C, H, W)."""
        return len(self.shape) == 3 and self.dtype == "uint8"

    @property
    def prepared_dtype(self) -> str:
        """What a model takes."""
        return "float32" if self.normalisation else self.dtype

    def prepare(self, raw: Array) -> Array:
        """A batch as models take it."""
        return self.normalisation.apply(raw) if self.normalisation else raw


@dataclass(frozen=True)
class Signature:
    """What models of a suite take and give: named inputs, and so many outputs.

    `outputs` are the classes, labels, target values or tokens of the vocabulary: the last axis of
    what a net gives; `output` is what files call it. `in_graph` says that files take raw inputs,
    and prepare them in their graph.
    """

    inputs: Mapping[str, Input]
    outputs: int
    output: str = "logits"
    in_graph: bool = False

    def prepared(self, raw: Inputs) -> dict[str, Array]:
        """A batch of raw inputs as models take them."""
        return {name: self.inputs[name].prepare(array) for name, array in raw.items()}

    def feeds(self, names: Iterable[str] | None = None) -> tuple[Feed, ...]:
        """What files of these models get, whose inputs are called as the dataset's."""
        return tuple(
            Feed(
                name,
                name,
                one.dtype if self.in_graph else one.prepared_dtype,
                None if self.in_graph else one.normalisation,
            )
            for name, one in self.inputs.items()
            if names is None or name in names
        )

    @property
    def image(self) -> Shape:
        """The shape of an image. Raises ValueError where there is not one input of images."""
        return Shape(*self.inputs[self._image_name].shape)

    @property
    def _image_name(self) -> str:
        found = [name for name, one in self.inputs.items() if len(one.shape) == 3]
        if len(found) != 1:
            raise ValueError(f"it takes images (C, H, W), but the inputs are {self.listed}")
        return found[0]

    def taking_image(self, net: Net) -> Net:
        """The same net, which says that it takes the images where there are other inputs too."""
        if len(self.inputs) > 1:
            setattr(net, TAKES_INPUTS, (self._image_name,))
        return net

    def values(self, *names: str) -> int:
        """How many values the first of these inputs (N, L) has: tokens, say.

        Raises ValueError where one of them is not there, or the first is not so.
        """
        self._refuse_absent(names)
        found = self.inputs[names[0]]
        if found.values is None or len(found.shape) != 1:
            raise ValueError(f"it takes {names[0]} (N, L) of a vocabulary, not {self.listed}")
        return found.values

    def rate(self, name: str) -> int:
        """The samples a second of a sound (N, S). Raises ValueError where the input is none."""
        self._refuse_absent((name,))
        found = self.inputs[name]
        if found.rate is None or len(found.shape) != 1:
            raise ValueError(f"it takes a {name} (N, S) with a rate, not {self.listed}")
        return found.rate

    def _known(self, said: Any) -> tuple[str, ...]:
        """What a net says that it takes. Raises ValueError where that is none of the inputs."""
        if not isinstance(said, tuple) or not said:
            raise ValueError(f"{TAKES_INPUTS} = {said!r} should be a tuple of inputs' names")
        self._refuse_absent(said)
        return said

    def _refuse_absent(self, names: Iterable[str]) -> None:
        missing = [name for name in names if name not in self.inputs]
        if missing:
            raise ValueError(
                f"it takes {', '.join(map(str, names))}, but the inputs are {self.listed}"
            )

    @property
    def listed(self) -> str:
        """The inputs in words."""
        return ", ".join(
            f"{name} {one.dtype} ({', '.join(map(str, ('N', *one.shape)))})"
            for name, one in self.inputs.items()
        )

    def taken_by(self, model: nn.Module) -> tuple[str, ...]:
        """The inputs that a net takes, in the order of its `forward`'s parameters.

        They are called as the inputs are; where none is, the net's attribute `takes_inputs` is a
        tuple of them, as of an `nn.Sequential`; else the only input goes to the only parameter.
        Raises ValueError where that is not clear.
        """
        said = getattr(model, TAKES_INPUTS, None)
        if said is not None:
            return self._known(said)
        parameters = inspect.signature(model.forward).parameters.values()
        named = [p.name for p in parameters if p.name in self.inputs]
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        places = [p for p in parameters if p.kind in kinds]
        required = [p.name for p in places if p.default is inspect.Parameter.empty]
        if named:
            first = [p.name for p in places[: len(named)]]
            if first != named or {*required} - {*named}:
                raise ValueError(
                    f"forward({', '.join(p.name for p in places)}) should take the inputs "
                    f"{', '.join(named)} first, and need nothing else"
                )
            return tuple(named)
        variadic = any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters)
        if len(self.inputs) == 1 and (
            len(required) == 1 or (not required and (places or variadic))
        ):
            return tuple(self.inputs)
        raise ValueError(
            f"forward({', '.join(p.name for p in parameters)}) names none of the inputs "
            f"{self.listed}"
        )


@dataclass(frozen=True)
class Feed:
    """How an input of an ONNX file is made from a dataset's input: stands in its metadata.

    `layout` is the file's: "channels_last" where a sample's first axis is its last one there,
    "flat" where a sample is one row of numbers.
    """

    name: str
    source: str
    dtype: str = "float32"
    normalisation: Normalisation | None = None
    layout: Literal["as_stored", "channels_last", "flat"] = "as_stored"

    def array(self, raw: Array) -> Array:
        """What the file gets of a raw batch (N, …): contiguous, of the file's type."""
        found = self.normalisation.apply(raw) if self.normalisation else raw
        if self.layout == "channels_last":
            found = np.moveaxis(found, 1, -1)
        if self.layout == "flat":
            found = found.reshape(len(found), -1)
        return np.ascontiguousarray(found, np.dtype(self.dtype))

    def as_json(self) -> dict[str, Any]:
        """As metadata holds it."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Feed:
        """Back from `as_json`, also through JSON."""
        return cls(**{**found, "normalisation": _normalisation(found.get("normalisation"))})


def signature_json(signature: Signature) -> dict[str, Any]:
    """A signature as JSON holds it."""
    return asdict(signature)


def signature_from(found: Mapping[str, Any]) -> Signature:
    """Back from `signature_json`, also through JSON."""
    inputs = {
        name: Input(
            one["dtype"],
            tuple(one["shape"]),
            _normalisation(one["normalisation"]),
            tuple(one["free_axes"]),
            one.get("values"),
            one.get("rate"),
        )
        for name, one in found["inputs"].items()
    }
    return Signature(inputs, found["outputs"], found["output"], found["in_graph"])


def _normalisation(found: Mapping[str, Any] | None) -> Normalisation | None:
    if not found:
        return None
    return Normalisation(tuple(found["mean"]), tuple(found["std"]), found["full"])


def fed(feeds: tuple[Feed, ...], raw: Inputs) -> dict[str, Array]:
    """What a file gets of raw inputs, by the names of its own inputs."""
    return {feed.name: feed.array(raw[feed.source]) for feed in feeds}


def size(inputs: Inputs) -> int:
    """How many samples there are."""
    return len(next(iter(inputs.values())))


def first(inputs: Inputs, count: int) -> dict[str, Array]:
    """The first samples of each input."""
    return {name: array[:count] for name, array in inputs.items()}


def taken(inputs: Inputs, indices: NDArray[np.int64] | list[int]) -> dict[str, Array]:
    """These samples of each input, contiguous."""
    return {name: np.ascontiguousarray(array[indices]) for name, array in inputs.items()}
