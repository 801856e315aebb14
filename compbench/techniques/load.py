"""A model that exists already: weights of a net, or a file of any exporter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from compbench.contracts import (
    Feed,
    Locate,
    ModelOption,
    NullCase,
    Options,
    RootTechnique,
    TrainingData,
)
from compbench.contracts.arguments import arguments

if TYPE_CHECKING:
    import onnx
    from torch import Tensor, nn

    from compbench.onnxfile.feeding import Figures

WEIGHTS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")
ONNX, PROGRAM = ".onnx", ".pt2"


class Scaling(Options):
    """(x / full - mean) / std, by channel or for all."""

    mean: tuple[float, ...] = Field(..., min_length=1, description="of x / full")
    std: tuple[float, ...] = Field(..., min_length=1, description="of x / full; none is 0")
    full: float | None = Field(default=None, gt=0, description="255 for uint8, else 1")

    @model_validator(mode="after")
    def _can_divide(self) -> Scaling:
        if not all(self.std):
            raise ValueError("std: a 0 can't be divided by")
        return self


class Technique(RootTechnique):
    """Take a model as it is; nothing is trained.

    With `model` the file holds weights of that net: safetensors, or a state dict of `torch.save`,
    of which nothing but tensors is read. Names may have a wrapper's prefix ("module.", say) or
    stand under "state_dict" or "model".

    Without it the file is an ONNX file of any exporter, or a program of `torch.export.save`, of
    which the ONNX export is taken. No torch module stands behind it: it is quantized, measured and
    gated as it is, and nets are distilled from it by running it; it can't be pruned, factorised or
    trained further. The graph stays as it is, but for a `ZipMap` of scikit-learn's, which is left
    out; how it is fed is written into its metadata.
    """

    family: ClassVar[str] = "loaded"
    libraries: ClassVar[tuple[str, ...]] = ("onnx", "safetensors")

    null_case: ClassVar[NullCase] = NullCase({"path": "net.onnx"})

    path: str = Field(
        ...,
        min_length=1,
        description="the file, beside the suite file or in the data folder; its content is part of "
        "the key. .safetensors, .pt, .pth, .bin, .ckpt with `model`; .onnx, .pt2 without",
    )
    model: ModelOption = Field(default=None, description="the net that the weights are of")
    new_head: bool = Field(
        default=False,
        description="the layers that give the outputs are left as they begin, by the seed: for "
        "weights that were learnt for other classes, before `train` with this as its parent",
    )
    inputs: dict[str, str] = Field(
        default={},
        description="the file's inputs and which of the dataset's each is, where names differ",
    )
    layout: Literal["as_stored", "channels_last", "flat"] | None = Field(
        default=None,
        description="of the file's input: as the dataset's (N, C, H, W), (N, H, W, C), or one row "
        "of numbers a sample; told by its shape where that is clear",
    )
    normalised: Literal["raw", "0-1", "-1-1", "as_suite"] | Scaling | None = Field(
        default=None,
        description="what values the file takes: raw ones (pixels of 0 to 255), scaled ones, those "
        "of the suite's own nets, or (x / 255 - mean) / std with figures given",
    )
    output: str | None = Field(
        default=None, description="the output that counts, where there are several"
    )
    output_is: Literal["logits", "probabilities"] | None = Field(
        default=None,
        description="what a classifier gives; seen in its outputs where nothing is said",
    )

    @model_validator(mode="after")
    def _the_file_is_of_a_kind(self) -> Technique:
        suffix = PurePath(self.path).suffix
        if suffix not in (*WEIGHTS, ONNX, PROGRAM):
            raise ValueError(
                f"path: '{self.path}' should end in {', '.join((*WEIGHTS, ONNX))} or {PROGRAM}"
            )
        if suffix in WEIGHTS and self.model is None:
            raise ValueError(f"path: '{self.path}' has weights alone: it needs 'model', their net")
        if suffix not in WEIGHTS and self.model is not None:
            raise ValueError(f"path: '{self.path}' has a graph of its own: remove 'model'")
        if suffix not in WEIGHTS and self.new_head:
            raise ValueError(f"new_head: '{self.path}' is no file of weights: its graph stays")
        told = {"inputs", "layout", "normalised", "output", "output_is"} & self.model_fields_set
        if suffix in WEIGHTS and told:
            raise ValueError(f"{', '.join(sorted(told))}: weights of a net have no such thing")
        return self

    def content(self, locate: Locate) -> Mapping[str, str]:
        """The digest of the file, and of those that hold weights of it."""
        from compbench.onnxfile import foreign

        return foreign.digests(locate(self.path), self.path)

    def load(
        self, locate: Locate, data: TrainingData, note: Callable[[str], None]
    ) -> nn.Module | bytes:
        """The net with its weights, or the file."""
        from compbench.onnxfile import foreign
        from compbench.toolkit import stored_weights

        path = locate(self.path)
        if self.model is not None:
            return self._filled(stored_weights.read(path), data, note)
        model = foreign.of_program(path) if path.suffix == PROGRAM else foreign.read(path)
        return self._described(model, data, note)

    def _filled(
        self, weights: Mapping[str, Tensor], data: TrainingData, note: Callable[[str], None]
    ) -> nn.Module:
        import torch

        from compbench.toolkit import stored_weights
        from compbench.toolkit.layers import output_layers

        net, kept = self.model.build(data.signature).eval(), set[str]()
        example = arguments(net, data, data.train.first(2))
        with torch.no_grad():  # lazy layers take their shapes
            net(*example)
        if self.new_head:
            heads = output_layers(net, example)
            kept = {f"{path}.{name}" for path, head in heads.items() for name in head.state_dict()}
            note(f"as they begin, untrained: {', '.join(map(repr, heads))}")
        stored_weights.fill(net, weights, self.path, kept)
        return net

    def _described(
        self, model: onnx.ModelProto, data: TrainingData, note: Callable[[str], None]
    ) -> bytes:
        from compbench.onnxfile import feeding, foreign, metadata

        if data.task.has_classes:
            names = data.class_names or tuple(map(str, range(data.signature.outputs)))
            foreign.refuse_other_classes(model, names, note)
        foreign.without_maps(model, note)
        told = feeding.Told(self.inputs, self.layout, self._normalised)
        feeds = feeding.recognised(model, data.signature, told)
        batch = feeding.fixed_batch(model)
        if batch is not None:
            note(f"it takes {batch} samples at a time alone: targets need batch_sizes = [{batch}]")
        for feed in feeds:
            note(_fed(feed))
        output = foreign.output_of(model, self.output, data.signature.outputs)
        own = metadata.read(model)  # nodes and constants stay what they are
        said = {n: own[n] for n in (metadata.FRONT_END, metadata.NOT_LEARNT) if n in own}
        said[metadata.OUTPUT] = output
        if self.output_is:
            said[metadata.OUTPUT_IS] = self.output_is
        file = metadata.written(model.SerializeToString(deterministic=True), said)
        return metadata.fed(file, feeds)

    @property
    def _normalised(self) -> Literal["raw", "0-1", "-1-1", "as_suite"] | Figures | None:
        from compbench.onnxfile.feeding import Figures

        if isinstance(self.normalised, Scaling):
            return Figures(self.normalised.mean, self.normalised.std, self.normalised.full)
        return self.normalised


def _fed(feed: Feed) -> str:
    """How the file is fed, as it was told or recognised."""
    how = "raw" if feed.normalisation is None else "normalised"
    layout = "" if feed.layout == "as_stored" else f", {feed.layout.replace('_', ' ')}"
    return f"its input {feed.name} is given {feed.source} {how} as {feed.dtype}{layout}"
