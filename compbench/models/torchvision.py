"""The classifiers of torchvision, untrained: `model = "torchvision:resnet18"`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from compbench.contracts import ModelFamily, Signature
from compbench.data.torchvision import torchvision
from compbench.errors import nearest, one_line
from compbench.toolkit.stem import Stem, for_channels, small_stem

if TYPE_CHECKING:
    from torch import nn

_AUXILIARY = ("googlenet", "inception_v3")  # nets that give more than logits while they are trained


class Model(ModelFamily):
    """A net of torchvision.models by its name there, without weights, for the dataset's classes.

    The first convolution is made for the dataset's channels where they are not three.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch", "torchvision")
    takes_names: ClassVar[bool] = True

    net: str = Field(description="its name in torchvision.models, such as resnet18")
    stem: Stem = "as_published"

    @field_validator("net")
    @classmethod
    def _is_there(cls, net: str) -> str:
        known = _names()
        if net not in known:
            raise ValueError(f"torchvision has no net '{one_line(net)}'{nearest(net, known)}")
        return net

    def build(self, signature: Signature) -> nn.Module:
        """Images (N, C, H, W) -> logits (N, classes)."""
        more: dict[str, Any] = {}
        if self.net in _AUXILIARY:
            more = {"aux_logits": False, "init_weights": True}
        if self.net.startswith("vit_"):
            more = {"image_size": signature.image.height}
        models = torchvision("models")
        made = models.get_model(self.net, weights=None, num_classes=signature.outputs, **more)
        for_channels(made, signature.image.channels)
        if self.stem == "small":
            small_stem(made, self.net)
        return signature.taking_image(made)


def _names() -> list[str]:
    models = torchvision("models")
    return models.list_models(module=models)
