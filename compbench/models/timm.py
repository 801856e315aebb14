"""The image classifiers of timm, untrained: `model = "timm:mobilenetv3_small_050"`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from compbench.contracts import ModelFamily, Signature
from compbench.data.torchvision import torchvision
from compbench.errors import nearest, one_line
from compbench.toolkit.stem import Stem, small_stem

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """A net of timm by its name there, without weights, for the dataset's channels and classes."""

    libraries: ClassVar[tuple[str, ...]] = ("torch", "timm")
    extra: ClassVar[str] = "timm"
    takes_names: ClassVar[bool] = True

    net: str = Field(description="its name in timm, such as mobilenetv3_small_050")
    stem: Stem = "as_published"

    @field_validator("net")
    @classmethod
    def _is_there(cls, net: str) -> str:
        timm = _timm()
        if not timm.is_model(net):
            hint = nearest(net, timm.list_models())
            hint = hint if "did you mean" in hint else ""
            raise ValueError(f"timm has no net '{one_line(net)}'{hint}")
        return net

    def build(self, signature: Signature) -> nn.Module:
        """Images (N, C, H, W) -> logits (N, classes)."""
        timm = _timm()
        channels, height, width = signature.image
        made = timm.create_model(
            self.net, pretrained=False, num_classes=signature.outputs, in_chans=channels
        )
        if hasattr(made, "set_input_size"):  # of transformers, whose places are learnt
            made.set_input_size(img_size=(height, width))
        if self.stem == "small":
            small_stem(made, self.net)
        return signature.taking_image(made)


def _timm() -> Any:
    """The library, which imports torchvision: through its door."""
    torchvision("models")
    return importlib.import_module("timm")
